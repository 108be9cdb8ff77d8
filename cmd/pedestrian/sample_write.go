package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/pedestrian-ml/pedestrian/generate"
)

// write writes -n texts after each beginning.
func (t *sampleCommand) write(ctx context.Context, w *generate.Writer, from []beginning, dir string, stdout, stderr io.Writer) error {
	if t.n > math.MaxInt/len(from) {
		return usagef("-n is %d, of %d prompts each: more than can be counted", t.n, len(from))
	}
	p := &printer{sampleCommand: t, dir: dir, stdout: stdout, stderr: stderr, from: from, count: t.n * len(from)}
	p.begin()
	var err error
	if t.kv == "off" {
		for i := 0; i < p.count && err == nil; i++ {
			err = p.bothWays(ctx, w, p.order(i), i)
		}
	} else {
		err = w.WriteEach(ctx, p.count, p.orders)
	}
	p.end()
	if errors.Is(err, context.Canceled) {
		return stopped(ctx, errors.New("interrupted"))
	}
	return errors.Join(err, p.err)
}

// bothWays writes a text without the KV cache and with it, and compares.
func (p *printer) bothWays(ctx context.Context, w *generate.Writer, o generate.Request, i int) error {
	var without, with written
	into := func(r *written) func(generate.Result, time.Duration) {
		return func(text generate.Result, took time.Duration) { *r = written{Result: text, took: took} }
	}
	o.NoCache, o.Done = true, into(&without)
	if _, err := w.WriteAll(ctx, []generate.Request{o}); err != nil {
		return err
	}
	o.NoCache, o.Emit, o.Done = false, nil, into(&with)
	if _, err := w.WriteAll(ctx, []generate.Request{o}); err != nil {
		return err
	}
	if with.Text != without.Text {
		return fmt.Errorf("the text with the KV cache differs from the text without it: %q and %q", with.Text, without.Text)
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
	from           []beginning
	count          int              // of texts: -n after each beginning
	texts          map[int]*printed // those that are begun, from turn on
	turn           int              // the first that is not finished
	err            error
}

type printed struct {
	beginning
	seed    uint64
	held    strings.Builder // what came before its turn
	written *written        // nil = not finished
}

// text is text i.
func (p *printer) text(i int) *printed {
	t := p.texts[i]
	if t == nil {
		if p.texts == nil {
			p.texts = map[int]*printed{}
		}
		t = &printed{beginning: p.from[i/p.n], seed: p.Seed + uint64(i%p.n)}
		p.texts[i] = t
	}
	return t
}

// order is that of text i.
func (p *printer) order(i int) generate.Request {
	t := p.text(i)
	s := p.Sampling
	s.Seed = t.seed
	return generate.Request{
		Sampling: s, Tokens: t.tokens,
		Emit: func(piece string) { p.piece(i, piece) },
		Done: func(text generate.Result, took time.Duration) { p.done(i, written{text, took, 0}) },
	}
}

// orders are all of them, as long as they can be printed.
func (p *printer) orders(yield func(generate.Request) bool) {
	for i := 0; i < p.count && p.err == nil && yield(p.order(i)); i++ {
	}
}

type written struct {
	generate.Result
	took   time.Duration
	cached time.Duration // with the cache, where took is without
}

// emit shows a piece of the text whose turn it is.
func (p *printer) emit(piece string) {
	switch {
	case p.json:
	case isTerminal(p.stdout):
		io.WriteString(verbatim(p.stdout), visible(piece))
	default:
		io.WriteString(verbatim(p.stdout), piece)
	}
}

// piece takes a piece of text i.
func (p *printer) piece(i int, piece string) {
	if i == p.turn {
		p.emit(piece)
	} else {
		p.text(i).held.WriteString(piece)
	}
}

// done takes text i as a whole.
func (p *printer) done(i int, w written) {
	for p.text(i).written = &w; p.turn < p.count && p.text(p.turn).written != nil; {
		p.finish()
		if p.turn++; p.turn < p.count {
			p.begin()
		}
	}
}

// end prints what is finished though a text before it is not: there was an error.
func (p *printer) end() {
	if p.turn == p.count {
		return
	}
	p.emit("\n")
	for _, i := range slices.Sorted(maps.Keys(p.texts)) {
		if i > p.turn && p.texts[i].written != nil {
			p.turn = i
			p.begin()
			p.finish()
		}
	}
}

// begin shows what there is of the text whose turn it is.
func (p *printer) begin() {
	if p.turn > 0 {
		p.emit("\n----\n")
	}
	t := p.text(p.turn)
	p.emit(strings.TrimLeft(t.prompt, "\n"))
	p.emit(t.held.String())
}

// finish ends the text whose turn it is.
func (p *printer) finish() {
	t := p.text(p.turn)
	delete(p.texts, p.turn)
	w := t.written
	if p.json {
		v := map[string]any{"checkpoint": p.dir, "text": w.Text, "tokens": len(w.Tokens), "ids": w.Tokens, "prompt_ids": t.tokens, "stopped": w.Stopped,
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
			w.took.Round(time.Millisecond), w.cached.Round(time.Millisecond), commas(len(w.Tokens)))
	}
}
