package train

import (
	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/token"
)

// Default values of options that were left at zero and must not be zero.
const (
	usualStoryChars = 2_000_000
	usualRank       = 8
	usualEpochs     = 3
	usualRate       = 1e-3

	// FullRate is the default learning rate of a run that trains all parameters of a base, a
	// tenth of the rate for an adapter.
	FullRate = 1e-4
)

// withDefaults returns o with the default values that the comment of Options lists. tuned says that
// the run has a base.
func (o Options) withDefaults(tuned bool) Options {
	number := func(n *int, usual int) {
		if *n == 0 {
			*n = usual
		}
	}
	rate := func(x *float64, usual float64) {
		if *x == 0 {
			*x = usual
		}
	}
	number(&o.StoryChars, usualStoryChars)
	if o.Tokenizer == "" && o.Data != "" {
		o.Tokenizer = token.Chars
		if tuned {
			o.Tokenizer = BaseTokenizer
		}
	}
	number(&o.Accumulate, 1)
	number(&o.Keep, 2)
	number(&o.SampleTokens, 120)
	if o.Activation == "" {
		o.Activation = pedestrian.GELU
		rate(&o.Eps, 1e-5)
	}
	beta2, lr := 0.99, usualRate
	if tuned {
		beta2 = 0.999
		if o.Tuning.Full {
			lr = FullRate
		} else {
			o.Tuning.fillAdapter()
		}
		if o.Steps == 0 {
			rate(&o.Tuning.Epochs, usualEpochs)
		}
	} else {
		number(&o.Batch, 12) // with a base the data decide, see Plan
		number(&o.EvalEvery, max(1, o.Steps/10))
	}
	if o.AdamEps == 0 {
		o.AdamEps = 1e-8
		rate(&o.LR, lr)
		rate(&o.Beta1, 0.9)
		rate(&o.Beta2, beta2)
		rate(&o.Clip, 1)
		if o.Schedule == "" {
			o.Schedule = ScheduleCosine
		}
	}
	return o
}

// fillAdapter sets the adapter's shape if it was not chosen: rank 8, an alpha of twice the rank,
// every layer of every block.
func (t *Tuning) fillAdapter() {
	a := &t.Adapter
	if a.Scaling != "" {
		return
	}
	a.Scaling = pedestrian.ScaleRank
	if a.Rank == 0 {
		a.Rank = usualRank
	}
	if a.Alpha == 0 {
		a.Alpha = float64(2 * a.Rank)
	}
	if len(a.Targets) == 0 && len(a.Tokens) == 0 && !a.Norms && (a.Bias == "" || a.Bias == pedestrian.BiasNone) {
		a.Targets = append(a.Targets, allLinear...)
	}
}

// withoutSources returns o without the options that say where data come from.
func (o Options) withoutSources() Options {
	o.Data, o.Val, o.Tokenizer, o.Reading = "", "", "", ReadingDocuments
	return o
}
