package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pedestrian-ml/pedestrian/train"
)

// write writes -n texts after each beginning.
func (t *sampleCommand) write(ctx context.Context, w *train.Writer, from []beginning, dir string, stdout, stderr io.Writer) error {
	p := &printer{sampleCommand: t, dir: dir, stdout: stdout, stderr: stderr}
	var orders []train.Order
	for _, b := range from {
		for i := range t.n {
			s := t.Sampling
			s.Seed += uint64(i)
			p.texts = append(p.texts, &printed{beginning: b, seed: s.Seed})
			orders = append(orders, train.Order{Sampling: s, After: b.tokens})
		}
	}
	for i := range orders {
		orders[i].Emit = func(piece string) { p.piece(i, piece) }
		orders[i].Done = func(text train.Text, took time.Duration) { p.done(i, written{text, took, 0}) }
	}
	p.begin()
	var err error
	if t.kv == "off" {
		for i := 0; i < len(orders) && err == nil; i++ {
			err = p.bothWays(ctx, w, orders[i], i)
		}
	} else {
		_, err = w.WriteAll(ctx, orders)
	}
	p.end()
	if errors.Is(err, context.Canceled) {
		return errors.New("interrupted")
	}
	return errors.Join(err, p.err)
}

// bothWays writes a text without the KV cache and with it, and compares.
func (p *printer) bothWays(ctx context.Context, w *train.Writer, o train.Order, i int) error {
	var without, with written
	into := func(r *written) func(train.Text, time.Duration) {
		return func(text train.Text, took time.Duration) { *r = written{Text: text, took: took} }
	}
	o.NoCache, o.Done = true, into(&without)
	if _, err := w.WriteAll(ctx, []train.Order{o}); err != nil {
		return err
	}
	o.NoCache, o.Emit, o.Done = false, nil, into(&with)
	if _, err := w.WriteAll(ctx, []train.Order{o}); err != nil {
		return err
	}
	if with.Text.Text != without.Text.Text {
		return fmt.Errorf("the text with the KV cache differs from the text without it: %q and %q", with.Text.Text, without.Text.Text)
	}
	without.cached = with.took
	p.done(i, without)
	return nil
}

// A printer prints texts in order: the first that is not finished as it comes, and what
// there is of later ones when it is their turn.
type printer struct {
	*sampleCommand
	dir            string
	stdout, stderr io.Writer
	texts          []*printed
	turn           int // the first that is not finished
	err            error
}

type printed struct {
	beginning
	seed    uint64
	held    strings.Builder // what came before its turn
	written *written        // nil = not finished
}

type written struct {
	train.Text
	took   time.Duration
	cached time.Duration // with the cache, where took is without
}

// emit shows a piece of the text whose turn it is.
func (p *printer) emit(piece string) {
	switch {
	case p.json:
	case isTerminal(p.stdout):
		io.WriteString(p.stdout, visible(piece))
	default:
		io.WriteString(p.stdout, piece)
	}
}

// piece takes a piece of text i.
func (p *printer) piece(i int, piece string) {
	if i == p.turn {
		p.emit(piece)
	} else {
		p.texts[i].held.WriteString(piece)
	}
}

// done takes text i as a whole.
func (p *printer) done(i int, w written) {
	for p.texts[i].written = &w; p.turn < len(p.texts) && p.texts[p.turn].written != nil; {
		p.finish()
		if p.turn++; p.turn < len(p.texts) {
			p.begin()
		}
	}
}

// end prints what is finished though a text before it is not: there was an error.
func (p *printer) end() {
	if p.turn < len(p.texts) {
		p.emit("\n")
		for p.turn++; p.turn < len(p.texts); p.turn++ {
			if p.texts[p.turn].written != nil {
				p.begin()
				p.finish()
			}
		}
	}
}

// begin shows what there is of the text whose turn it is.
func (p *printer) begin() {
	if p.turn > 0 {
		p.emit("\n----\n")
	}
	t := p.texts[p.turn]
	p.emit(strings.TrimLeft(t.prompt, "\n"))
	p.emit(t.held.String())
}

// finish ends the text whose turn it is.
func (p *printer) finish() {
	t := p.texts[p.turn]
	w := t.written
	if p.json {
		v := map[string]any{"checkpoint": p.dir, "text": w.Text.Text, "tokens": w.Text.Tokens, "ids": w.Text.IDs, "prompt_ids": t.tokens, "stopped": w.Stopped,
			"seed": t.seed, "precision": p.precision, "seconds": w.took.Seconds()}
		if p.talks {
			v["message"] = p.message
		} else {
			v["prompt"] = t.prompt
		}
		if w.cached > 0 {
			v["seconds_with_cache"] = w.cached.Seconds()
		}
		p.err = errors.Join(p.err, writeLine(p.stdout, v))
		return
	}
	p.emit("\n")
	if w.cached > 0 {
		fmt.Fprintf(p.stderr, "\nThe same text both ways: %s without the KV cache, %s with it (%s tokens).\n",
			w.took.Round(time.Millisecond), w.cached.Round(time.Millisecond), commas(w.Text.Tokens))
	}
}
