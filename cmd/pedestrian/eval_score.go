package main

import (
	"context"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/eval"
)

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
	begin := t.model.Writer(nil).Begin
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
