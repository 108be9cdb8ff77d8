package train

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
)

// An Audit is the check of a finished run that trained an adapter. It finds four errors: an
// adapter that is still zero, a base that has changed, an adapter that changed the loss
// before the first step, and merged weights with other logits.
type Audit struct {
	Up        []UpNorm `json:"up"`
	SHA256    string   `json:"base_sha256"` // of the base's weights after training
	Unchanged bool     `json:"base_unchanged"`

	// Validation losses in nats per token: of the base alone, and of the run before its
	// first step. 0 means unknown: both without validation data, the second also if the run
	// did not evaluate before its first step.
	BaseLoss  float64 `json:"base_loss"`
	FirstLoss float64 `json:"first_loss"`

	Unrounded bool `json:"unrounded,omitempty"` // the losses may differ: the base is rounded to bf16, the adapter's rows of tokens are not
	GoesOn    bool `json:"goes_on,omitempty"`   // the losses may differ: the run started from a trained adapter

	// The largest difference between the logits of the merged weights and those of base and
	// adapter, and the largest logit, over up to 64 tokens of validation.
	MergedDifference float64 `json:"merged_difference"`
	LargestLogit     float64 `json:"largest_logit"`
}

// An UpNorm is the Euclidean norm of the up factor u of one target.
type UpNorm struct {
	Target pedestrian.Target `json:"target"`
	Least  float64           `json:"least"` // over the blocks that have an adapter
	Most   float64           `json:"most"`
}

// The limits of an audit without errors.
const (
	auditLoss   = 1e-6 // relative difference of the base's loss and the run's first: DoRA divides by a computed norm
	auditRows   = 1e-3 // the same if rows of the base are rounded to bf16 and the adapter's are not
	auditMerged = 1e-4 // difference of logits relative to the largest: float32 rounding through all layers
	auditTokens = 64   // number of tokens whose logits are compared
)

// Failed returns the errors that the audit found, one clause for each.
func (a *Audit) Failed() (wrong []string) {
	for _, u := range a.Up {
		if !(u.Least > 0) {
			wrong = append(wrong, fmt.Sprintf("the adapter beside %s has not left zero in some block: it learnt nothing there", u.Target))
		}
	}
	if !a.Unchanged {
		wrong = append(wrong, fmt.Sprintf("the base has changed in memory: SHA-256 of its weights %.12s now", a.SHA256))
	}
	limit := auditLoss
	if a.Unrounded {
		limit = auditRows
	}
	if a.FirstLoss != 0 && !a.GoesOn && !(math.Abs(a.FirstLoss-a.BaseLoss) <= limit*math.Abs(a.BaseLoss)) {
		wrong = append(wrong, fmt.Sprintf("the loss before the first step was %.8g, that of the base alone is %.8g", a.FirstLoss, a.BaseLoss))
	}
	if !(a.MergedDifference <= auditMerged*math.Max(1, a.LargestLogit)) {
		wrong = append(wrong, fmt.Sprintf("logits of the merged weights differ by %.3g, of logits up to %.3g", a.MergedDifference, a.LargestLogit))
	}
	return wrong
}

// Err returns Failed as an error; nil if there is none.
func (a *Audit) Err() error {
	if wrong := a.Failed(); len(wrong) > 0 {
		return fmt.Errorf("after training: %s", strings.Join(wrong, "; "))
	}
	return nil
}

// Audit checks a run that trains an adapter. It takes memory for one merged block and for some
// logits; AuditMemory tells how much.
func (r *Run) Audit(ctx context.Context) (*Audit, error) {
	s := r.State
	if s.Adapter == nil {
		panic("train.Run.Audit: the run trains no adapter")
	}
	a := &Audit{Up: upNorms(s.Adapter), SHA256: baseDigest(s.Params, r.Base.Vocab), FirstLoss: s.First.Loss, GoesOn: r.Options.Tuning.From != "",
		Unrounded: len(s.Adapter.Config.Tokens) > 0 && r.Options.Precision == string(engine.BF16)}
	a.Unchanged = a.SHA256 == r.Base.SHA256
	if r.Options.Validates() {
		var err error
		a.BaseLoss, err = r.Options.evaluate(ctx, r.net.Base(), r.feed, r.batch)
		if err != nil {
			return nil, err
		}
	}
	b := r.batch
	b.B, b.Starts = 1, b.Starts[:0]
	b.Tokens, b.Targets = b.Tokens[:b.T], b.Targets[:b.T]
	if r.Options.Validates() {
		r.feed.eval(0, 0, &b)
	} else {
		r.feed.draw(0, 0, &b)
	}
	n := min(b.T, auditTokens)
	a.MergedDifference, a.LargestLogit = engine.MergedDifference(s.Params, s.Adapter, engine.Batch{B: 1, T: n, Tokens: b.Tokens[:n]}, r.Options.Threads)
	return a, nil
}

// AuditMemory tells how many bytes Audit takes beside what a run of a network c with these
// options has.
func (o Options) AuditMemory(c pedestrian.Config) (int64, error) {
	b, err := engine.MergedMemory[float32](c, o.Adapter(), min(o.Length(), auditTokens), o.Threads)
	return b.Total(), err
}

// upNorms returns the norms of the up factors of every target of a.
func upNorms(a *pedestrian.Adapter[float32]) (norms []UpNorm) {
	for _, t := range a.Config.Targets {
		u := UpNorm{t, math.Inf(1), 0}
		blocks := a.Base.Blocks
		if t == pedestrian.TargetLogits {
			blocks = 1
		}
		for i := range blocks {
			up := a.LoRA(i, t).Up.V
			if up == nil {
				continue
			}
			sum := 0.0
			for _, v := range up {
				sum += float64(v) * float64(v)
			}
			u.Least, u.Most = math.Min(u.Least, math.Sqrt(sum)), math.Max(u.Most, math.Sqrt(sum))
		}
		norms = append(norms, u)
	}
	return norms
}
