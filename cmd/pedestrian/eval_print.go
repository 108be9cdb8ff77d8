package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/eval"
)

// An evaluated is what eval found of one file.
type evaluated struct {
	Data           string
	Window, Stride int
	Seconds        float64
	Template       string
	Warnings       []string
	Text           *eval.Summary
	Questions      *eval.Accuracy
}

// event is the summary as --json prints it.
func (r evaluated) event() map[string]any {
	v := map[string]any{"event": "summary", "data": r.Data, "window": r.Window, "stride": r.Stride, "seconds": r.Seconds}
	if r.Template != "" {
		v["template"] = r.Template
	}
	if len(r.Warnings) > 0 {
		v["warnings"] = r.Warnings
	}
	if s := r.Text; s != nil {
		v["kind"], v["documents"], v["tokens"], v["scored"], v["first"] = "text", s.Documents, s.Tokens, s.Scored, s.First
		v["nats"], v["loss"], v["perplexity"] = s.Nats, s.Loss(), s.Perplexity()
		v["bytes"] = s.Bytes
		if s.Bytes > 0 {
			v["bits_per_byte"] = s.BitsPerByte()
		}
	}
	if s := r.Questions; s != nil {
		n := float64(s.Questions)
		v["kind"], v["questions"], v["chance"] = "questions", s.Questions, s.Chance()
		for _, m := range []struct {
			name  string
			right int
		}{{"acc", s.Likeliest}, {"acc_norm", s.PerChar}, {"acc_bytes", s.PerByte}} {
			v[m.name] = float64(m.right) / n
			if s.Questions > 1 {
				v[m.name+"_stderr"] = s.StdErr(m.right)
			}
		}
	}
	return v
}

// texts scores a file of texts.
func (t *evalCommand) texts(ctx context.Context, s *eval.Scorer, r *evaluated) error {
	x, report, err := t.load(r.Data)
	if err != nil {
		return usageError{err}
	}
	if report != nil {
		r.Template, r.Warnings = report.Template, report.Warnings
	}
	qs := make([]*eval.Sequence, x.Len())
	for i := range qs {
		tokens, learn := x.Document(i)
		if report != nil && report.Kind == corpus.KindText { // what ends it was added, and is none of the text
			if end, ok := t.model.Tokenizer.EOS(); ok && len(tokens) > 0 && tokens[len(tokens)-1] == end {
				tokens, learn = tokens[:len(tokens)-1], learn[:len(tokens)-1]
			}
		}
		qs[i] = &eval.Sequence{Tokens: tokens, Learn: learn}
	}
	if err := s.Score(ctx, qs); err != nil {
		return err
	}
	r.Text = &eval.Summary{}
	for i, q := range qs {
		r.Text.Add(q, t.model.Tokenizer)
		if !t.json || t.summary {
			continue
		}
		logprobs, ranks := make([]any, len(q.Tokens)), make([]any, len(q.Tokens))
		for j, v := range q.Scores {
			if q.Scored(j) {
				logprobs[j], ranks[j] = -v.Loss, v.Rank
			}
		}
		if err := writeLine(t.stdout, map[string]any{"event": "document", "data": r.Data, "document": i, "at": x.Place(i), "ids": q.Tokens, "logprobs": logprobs, "ranks": ranks}); err != nil {
			return err
		}
	}
	if r.Text.Scored == 0 {
		return usagef("there is no token to score: %s of one token each, or with nothing to learn", count2(x.Len(), "document"))
	}
	return nil
}

// load reads a file of texts as the model reads them.
func (t *evalCommand) load(path string) (*corpus.Examples, *corpus.Report, error) {
	m := t.model
	if corpus.IsShards(path) {
		tokens, err := corpus.LoadShards(path, m.Params.Config.Vocab, 1)
		if err == nil {
			err = m.Tokenizer.Check(tokens)
		}
		x := &corpus.Examples{}
		x.Add(tokens, nil, corpus.Place{File: path})
		return x, nil, err
	}
	return corpus.LoadExamples(path, m.Tokenizer, t.reading)
}

// questions answers a file of questions.
func (t *evalCommand) questions(ctx context.Context, s *eval.Scorer, r *evaluated) error {
	questions, err := corpus.ReadQuestions(r.Data)
	if err != nil {
		return usageError{err}
	}
	begin := t.model.writer(nil).Begin
	var choices []*eval.Choice
	var qs []*eval.Sequence
	for _, q := range questions {
		c, err := s.NewChoice(q, t.model.Tokenizer, begin)
		if err != nil {
			return usagef("line %d: %w", q.Place.Line, err)
		}
		choices = append(choices, c)
		qs = append(qs, c.Sequences...)
	}
	if err := s.Score(ctx, qs); err != nil {
		return err
	}
	r.Questions = &eval.Accuracy{}
	for i, c := range choices {
		a := c.Answer()
		r.Questions.Add(c, a)
		if !t.json || t.summary {
			continue
		}
		var ids [][]int32
		var scored []int
		for _, q := range c.Sequences {
			_, n := q.Sums()
			ids, scored = append(ids, q.Tokens), append(scored, n)
		}
		if err := writeLine(t.stdout, map[string]any{"event": "question", "data": r.Data, "question": i, "at": c.Question.Place, "gold": c.Question.Answer,
			"log_likelihoods": a.LogLikelihood, "greedy": a.Greedy, "likeliest": a.Likeliest, "per_char": a.PerChar, "per_byte": a.PerByte, "ids": ids, "scored": scored}); err != nil {
			return err
		}
	}
	return nil
}

// print is the report for people.
func (t *evalCommand) print(s *eval.Scorer, results []evaluated) {
	w, p := t.stdout, newPainter(t.stdout)
	windows := fmt.Sprintf("Windows of %s tokens, %s apart", commas(s.Window), commas(s.Stride))
	if s.Stride == s.Window {
		windows = fmt.Sprintf("Windows of %s tokens, one behind the other", commas(s.Window))
	}
	fmt.Fprintf(w, "%s: %s parameters. %s, %s.\n", p.bold(t.name()), commas(t.model.Params.Config.Ledger().Total()), windows, t.precisionChosen)
	texts, asked := plainTable(w), plainTable(w)
	texts.AppendHeader(table.Row{"text", "documents", "scored", "loss", "perplexity", "bits/byte", "first"})
	asked.AppendHeader(table.Row{"questions", "number", "likeliest", "per character", "per byte", "chance"})
	rightAlign(texts, 2, 3, 4, 5, 6, 7)
	rightAlign(asked, 2, 3, 4, 5, 6)
	for _, r := range results {
		if s := r.Text; s != nil {
			bits := "–"
			if s.Bytes > 0 {
				bits = fmt.Sprintf("%.4f", s.BitsPerByte())
			}
			texts.AppendRow(table.Row{shortName(r.Data), commas(s.Documents), commas(s.Scored), fmt.Sprintf("%.4f", s.Loss()), fmt.Sprintf("%.4g", s.Perplexity()), bits, fmt.Sprintf("%.1f %%", 100*float64(s.First)/float64(s.Scored))})
		}
		if s := r.Questions; s != nil {
			share := func(right int) string {
				if s.Questions < 2 {
					return fmt.Sprintf("%d of 1", right)
				}
				return fmt.Sprintf("%.1f ± %.1f %%", 100*float64(right)/float64(s.Questions), 100*s.StdErr(right))
			}
			asked.AppendRow(table.Row{shortName(r.Data), commas(s.Questions), share(s.Likeliest), share(s.PerChar), share(s.PerByte), fmt.Sprintf("%.1f %%", 100*s.Chance())})
		}
	}
	for _, rows := range []table.Writer{texts, asked} {
		if rows.Length() > 0 {
			fmt.Fprintln(w)
			rows.Render()
		}
	}
	var warnings []string
	for _, r := range results {
		for _, text := range r.Warnings {
			warnings = append(warnings, shortName(r.Data)+": "+text)
		}
	}
	if slices.ContainsFunc(results, func(r evaluated) bool { return r.Text != nil }) {
		fmt.Fprintf(w, "\nLoss in nats per token; first: what the model itself would have chosen.\n")
	}
	for _, text := range warnings {
		for i, line := range wrap(text, 76) {
			fmt.Fprintf(w, "%s %s\n", map[bool]string{true: p.bad("!"), false: " "}[i == 0], line)
		}
	}
}

// shortName is the end of a path that a table has room for.
func shortName(path string) string {
	const room = 20
	if len(path) <= room {
		return path
	}
	base := []rune(filepath.Base(path))
	if len(base) > room {
		return string(base[:room-1]) + "…"
	}
	return strings.TrimSpace(string(base))
}

// name is what the model is called.
func (t *evalCommand) name() string {
	if t.adapter != "" {
		return t.model.Name + " with the adapter " + t.adapter
	}
	return t.model.Name
}
