package main

import (
	"fmt"
	"strings"

	"github.com/pedestrian-ml/pedestrian/train"
)

// planTuning is the plan of a run that goes on from a base.
func (s *textScreen) planTuning() {
	r := s.r
	o, c, d, info := &r.Options, r.Network, r.Data, r.Data.Info()
	s.row("base", "%s: %s, %s, width %d, context %d: %s parameters, SHA-256 %.12s", baseName(r.Base),
		count2(c.Blocks, "block"), count2(c.Heads, "head"), c.Width, c.Context, commas(c.Ledger().Total()), r.Base.SHA256)
	if d.Report == nil {
		s.row("text", "%s: %s bytes as %s, %s tokens to train on and %s to validate",
			sourceName(d.Source), commas(d.Bytes), d.Tokenizer.Kind(), commas(info.Train), commas(info.Val))
		s.warnings(d.Warnings)
	} else {
		s.planDocuments()
	}
	if texts := o.Tuning.AddTokens; len(texts) > 0 {
		s.row("tokens", "%s: rows of the embedding, which begin at the mean of the base's, or at what it has for them", strings.Join(texts, " "))
	}
	trained := r.State.Trained().Count()
	if a := r.State.Adapter; a != nil {
		beside := "no factors"
		if len(a.Config.Targets) > 0 {
			beside = fmt.Sprintf("rank %d on %s", a.Config.Rank, targetNames(*o))
		}
		s.row("adapter", "%s: %s parameters to train, %.2f %% of the base's", beside, commas(trained), 100*float64(trained)/float64(c.Ledger().Total()))
		if o.Tuning.From != "" {
			s.row("", "goes on from %s", o.Tuning.From)
		}
		var more []string
		for _, m := range []struct {
			on   bool
			text string
		}{
			{len(a.Config.Targets) > 0, fmt.Sprintf("%s, α %g", a.Config.Scaling, a.Config.Alpha)},
			{a.Config.DoRA, "DoRA"}, {a.Config.Dropout > 0, fmt.Sprintf("dropout %g on its input", a.Config.Dropout)},
			{o.Tuning.LoRAPlus != 0, fmt.Sprintf("LoRA+: up at %g times the rate", o.Tuning.LoRAPlus)},
			{len(a.Config.Layers) > 0, fmt.Sprintf("in blocks %v", a.Config.Layers)},
			{a.Config.Norms, "layer norms, too"}, {a.Config.Bias != "" && a.Config.Bias != "none", fmt.Sprintf("biases (%s), too", a.Config.Bias)},
		} {
			if m.on {
				more = append(more, m.text)
			}
		}
		s.row("", "%s", strings.Join(more, "; "))
	} else {
		s.row("trained", "all %s parameters", commas(trained))
	}
	rows := o.Batch * o.Accumulate
	passes := float64(o.Steps*rows) * float64(o.Length()) / float64(info.Train)
	if p := r.Packed(); p != nil {
		passes = float64(o.Steps*rows) / float64(p.Rows)
	}
	s.row("run", "%s steps of %s of %s tokens, %s times the data; AdamW, %s",
		commas(o.Steps), count2(rows, "row"), commas(o.Length()), times(passes), rates(o))
	for _, note := range r.Planned {
		s.row("", "%s", note)
	}
	s.planMemory()
	if !o.Validates() {
		s.row("baseline", "none: nothing is kept for validation, so that nothing tells when it learns by heart")
	}
	if info.Floor > 0 {
		s.row("baseline", "floor %s nats per token (no network can beat it)", three(info.Floor))
	}
	s.planEnd()
}

// planDocuments says what the documents of a run are.
func (s *textScreen) planDocuments() {
	d, rep, o := s.r.Data, s.r.Data.Report, &s.r.Options
	template := ""
	if rep.Template != "" {
		template = fmt.Sprintf(", template %s", rep.Template)
	}
	s.row("data", "%s: %s of kind %s%s; %s to train on, %s to validate", d.Source,
		count2(rep.Documents, "document"), rep.Kind, template, commas(d.Examples.Len()), commas(d.ValExamples.Len()))
	s.row("", "%s tokens, %s of them learnt (%.0f %%), the longest document has %s (%s)",
		commas(rep.Tokens), commas(rep.Targets), 100*float64(rep.Targets)/float64(max(1, rep.Tokens)), commas(rep.Longest), rep.LongestAt)
	p := s.r.Packed()
	how := "packed, none sees another"
	if o.Tuning.Packing == train.PackingOff {
		how = "one document each"
	}
	long := ""
	if p.Long > 0 {
		what := "cut, and go on in another row"
		if p.Lost > 0 {
			what = fmt.Sprintf("truncated: %s targets are lost", commas(p.Lost))
		}
		long = fmt.Sprintf("; %s longer than a row: %s", count2(p.Long, "document"), what)
	}
	s.row("", "%s of %s tokens, %s, %.1f %% padding%s", count2(p.Rows, "row"), commas(o.Length()), how, 100*p.Padding, long)
	if rep.Begin != "" {
		s.row("", "each document begins after %s, which is not learnt", visible(rep.Begin))
	}
	s.warnings(rep.Warnings)
}

// warnings are what may be wrong with the data.
func (s *textScreen) warnings(all []string) {
	for _, w := range all {
		s.row("warning", "%s", s.p.bad(w))
	}
}

// baseName is what a base is called.
func baseName(b *train.Base) string {
	if b.Name != "" {
		return b.Name
	}
	return b.Path
}

// audit shows what was checked after training.
func (s *textScreen) audit(a *train.Audit) {
	var ups []string
	for _, u := range a.Up {
		if u.Least == u.Most {
			ups = append(ups, fmt.Sprintf("%s %s", u.Target, three(u.Most)))
			continue
		}
		ups = append(ups, fmt.Sprintf("%s %s to %s", u.Target, three(u.Least), three(u.Most)))
	}
	unchanged := "as it was"
	if !a.Unchanged {
		unchanged = "CHANGED"
	}
	first := "was not taken"
	switch {
	case !s.r.Options.Validates():
		first = "not known without a validation split"
	case a.FirstLoss == 0:
	case a.GoesOn:
		first = fmt.Sprintf("%.6f, with the adapter that it went on from; that of the base alone %.6f", a.FirstLoss, a.BaseLoss)
	case a.FirstLoss == a.BaseLoss:
		first = fmt.Sprintf("%.6f, that of the base, bit for bit", a.FirstLoss)
	default:
		first = fmt.Sprintf("%.8f, that of the base %.8f: %.1e apart", a.FirstLoss, a.BaseLoss, a.FirstLoss-a.BaseLoss)
	}
	s.row("checked", "the base is %s, SHA-256 %.12s", unchanged, a.SHA256)
	if len(ups) > 0 {
		s.row("", "‖up‖ beside %s", strings.Join(ups, ", "))
	}
	s.row("", "the loss before the first step: %s", first)
	s.row("", "logits of the merged weights differ by at most %.1e, of %s", a.MergedDifference, three(a.LargestLogit))
}
