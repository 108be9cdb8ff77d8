package main

import (
	"cmp"
	"fmt"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
	"github.com/pedestrian-ml/pedestrian/train"
)

func (s *textScreen) plan() {
	o, c, d, info := &s.r.Options, s.r.Network, s.r.Data, s.r.Data.Info()
	if s.r.Base != nil {
		s.planTuning()
		return
	}
	source := sourceName(d.Source)
	s.row("text", "%s: %s bytes as %s, %s to train on and %s to validate, vocabulary %d",
		source, commas(d.Bytes), d.Tokenizer.Kind(), commas(info.Train), commas(info.Val), d.Tokenizer.Vocab())
	s.warnings(d.Warnings)
	dead := ""
	if n := c.KeyBiasesWithoutGradient(); n > 0 {
		dead = fmt.Sprintf(" (%s of them key biases that cannot learn, eq. 29)", commas(n))
	}
	s.row("network", "%s, %s, width %d, context %d: %s parameters%s",
		count2(c.Blocks, "block"), count2(c.Heads, "head"), c.Width, c.Context, commas(c.Ledger().Total()), dead)
	batch := o.Batch * o.Length() * o.Accumulate
	s.row("run", "%s steps of %s tokens: %s tokens, %s times the text; AdamW, %s",
		commas(o.Steps), commas(batch), short(float64(batch)*float64(o.Steps)), times(float64(batch)*float64(o.Steps)/float64(info.Train)), rates(o))
	s.planMemory()
	floor := ""
	if info.Floor > 0 {
		floor = fmt.Sprintf(", floor %s (no network can beat it)", three(info.Floor))
	}
	if !o.Validates() {
		s.row("baseline", "in nats per token: uniform ln V = %s; nothing is kept for validation, so that nothing tells when it learns by heart", three(info.Uniform))
	} else {
		s.row("baselines", "in nats per token: uniform ln V = %s, unigram %s, bigram %s%s",
			three(info.Uniform), three(info.Unigram), three(info.Bigram), floor)
	}
	s.planEnd()
}

// rates says how the learning rate goes.
func rates(o *train.Options) string {
	warmup := ""
	if o.Warmup > 0 {
		warmup = fmt.Sprintf(", warm-up %s", count2(o.Warmup, "step"))
	}
	switch o.Schedule {
	case train.ScheduleConstant:
		return fmt.Sprintf("rate %.3g, constant%s", o.LR, warmup)
	case "":
		return fmt.Sprintf("rate %.3g to %.3g%s", o.LR, o.MinLR, warmup)
	}
	return fmt.Sprintf("rate %.3g to %.3g, %s%s", o.LR, o.MinLR, o.Schedule, warmup)
}

// labelWidth is how wide the column of labels is.
const labelWidth = 10

// row writes a line of the plan, or more where the terminal is narrow.
func (s *textScreen) row(label, format string, args ...any) {
	s.put(s.p.dim(fmt.Sprintf("%-*s", labelWidth, label)) + s.fold(fmt.Sprintf(format, args...), labelWidth))
}

func (s *textScreen) planMemory() {
	o, c := s.r.Options, s.r.Network
	if why := cmp.Or(slowPrecision(o.Precision), fasterPrecision(o, s.r.State.Params)); why != "" {
		s.row("precision", "%s", why)
	}
	m, err := memoryNeeded(o, c, s.r.State.Params.Bytes(), ranksOfRun())
	if err != nil {
		return
	}
	s.row("memory", "%s: %s", mebibytes(m.total()), m)
	if r, err := recomputing(o, c, s.r.State.Params.Bytes()); err == nil && o.Recompute {
		s.row("recompute", "%s instead of %s, for about %.0f %% more arithmetic a step", mebibytes(m.total()), mebibytes(r.without), 100*r.work)
	}
}

// slowPrecision says why a precision is slower here than float32, and what to use; it is
// empty where it is not slower.
func slowPrecision(precision string) string {
	switch {
	case precision == string(engine.BF16) && kernel.Dots(1) == 0:
		return fmt.Sprintf("bf16 is slower than float32 here: this processor (%s) has no products of bf16, so each number is rounded, and then computed with in float32. Use --precision float32; bf16 is to compare with runs on other machines",
			kernel.Current())
	case precision == string(engine.BF16x3) && kernel.Current() != kernel.AMX:
		return fmt.Sprintf("bf16x3 is slower than float32 here: it takes three products of bf16 for one of float32, and this processor (%s) has no AMX. Use --precision float32, which is as accurate", kernel.Current())
	}
	return ""
}

// fasterPrecision says how a run beside the base p could be faster here and as accurate; it
// is empty where there is no such way.
func fasterPrecision(o train.Options, p *pedestrian.Params[float32]) string {
	if o.Adapter() == nil || o.Precision != "" && o.Precision != string(engine.Float32) || kernel.Current() != kernel.AMX || !p.Holds(pedestrian.BF16) {
		return ""
	}
	return "float32; --precision bf16x3 is as accurate, and its products are faster on this processor"
}

// planEnd is the end of the plan: where the run goes, and from where.
func (s *textScreen) planEnd() {
	if s.r.Dir != "" {
		s.row("writes", "%s", s.r.Dir)
	}
	if s.r.State.Step > 0 {
		s.row("resumes", "after step %s of %s", commas(s.r.State.Step), commas(s.r.Options.Steps))
	}
	s.put("")
}

// sourceName is what the text of a run is called.
func sourceName(source string) string {
	if name, ok := storyNames[source]; ok {
		return name
	}
	return source
}

// storyNames are what Data.Source means when it is no path.
var storyNames = map[string]string{
	train.Stories: "the built-in stories", train.SilentStories: "the built-in stories without dialogue", train.SpokenStories: "the built-in stories with dialogue",
}

// times is how often something is gone over.
func times(x float64) string {
	if x >= 999.5 {
		return short(x)
	}
	return three(x)
}

// count2 is "3 blocks" or "1 block".
func count2(n int, word string) string { return fmt.Sprintf("%d %s", n, plural(n, word)) }
