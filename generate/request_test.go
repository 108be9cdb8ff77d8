package generate

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
)

// unlike are requests for texts of which some are short, some stop, some end by a token,
// some begin with more than a window, and one does without the cache.
func unlike() (requests []Request) {
	for i, prompt := range []string{"a", "abcdefg", "b\nc", "abcdefghijabcdefghijabcdefghij", "é", "hi", "ab", "j", "cab"} {
		s := Sampling{Temperature: 1.2, Seed: uint64(i / 2), MaxTokens: 20 + 17*i%50, NoCache: i == 5}
		s.Stop = [][]string{nil, {"a"}, {"dd", "h"}, nil}[i%4]
		if i == 2 {
			s.Temperature = 0
		}
		requests = append(requests, Request{Sampling: s, Prompt: prompt})
	}
	return requests
}

// Whatever else is written at the same time, a text is the one that it is alone: over
// windows that are full at different moments, and in places that others have left.
func TestWriteAllIsAlone(t *testing.T) {
	stopped, whole := 0, 0
	for _, precision := range []engine.Precision{engine.Float32, engine.BF16} {
		for _, context := range []int{1, 2, 11, 40} {
			c := func(c *pedestrian.Config) { c.Context = context }
			alone := writerIn(t, chars(t), precision, c)
			if context == 11 {
				alone.End, _ = chars(t).Encode("f")
			}
			requests := unlike()
			var want []Result
			for _, o := range requests {
				text, err := alone.one(t.Context(), o)
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, text)
				if text.Stopped {
					stopped++
				} else {
					whole++
				}
			}
			w := writerIn(t, chars(t), precision, c)
			w.End = alone.End
			for _, w.Batch = range []int{0, 2, 3, 8, 100} {
				name := fmt.Sprintf("%s, context %d, %d at once", precision, context, w.Batch)
				emitted, done := make([]strings.Builder, len(requests)), make([]Result, len(requests))
				for i := range requests {
					requests[i].Emit = func(piece string) { emitted[i].WriteString(piece) }
					requests[i].Done = func(text Result, took time.Duration) {
						if done[i] = text; took <= 0 {
							t.Errorf("%s: text %d took %s", name, i, took)
						}
					}
				}
				got, err := w.WriteAll(t.Context(), requests)
				if err != nil {
					t.Fatal(err)
				}
				for i := range want {
					if !sameText(got[i], want[i]) || !sameText(done[i], want[i]) || emitted[i].String() != want[i].Text {
						t.Errorf("%s: text %d is %+v, done %+v, emitted %q; alone %+v", name, i, got[i], done[i], emitted[i].String(), want[i])
					}
				}
			}
		}
	}
	if stopped < 10 || whole < 10 {
		t.Errorf("%d texts stopped and %d did not: this tests too little", stopped, whole)
	}
}

// Texts that begin later do not wait for the longest of those before them, and no more
// are at work than there are places.
func TestWriteAllTakesPlaces(t *testing.T) {
	w := writer(t, chars(t), nil)
	w.Batch = 2
	var order []int
	var requests []Request
	for i, n := range []int{30, 3, 4, 5} {
		requests = append(requests, Request{Sampling: Sampling{Temperature: 1, MaxTokens: n}, Prompt: "a", Done: func(Result, time.Duration) { order = append(order, i) }})
	}
	if _, err := w.WriteAll(t.Context(), requests); err != nil || fmt.Sprint(order) != "[1 2 3 0]" || w.rows != 2 {
		t.Errorf("finished in the order %v in %d places, %v", order, w.rows, err)
	}
}

func TestWriteAllRefuses(t *testing.T) {
	w := writer(t, chars(t), nil)
	a := Request{Sampling: Sampling{Temperature: 1, MaxTokens: 100}, Tokens: []int32{1}}
	for want, r := range map[string]Request{
		"the prompt is empty":        {Sampling: a.Sampling},
		"the number of tokens is -1": {Sampling: Sampling{MaxTokens: -1}, Tokens: a.Tokens},
	} {
		if texts, err := w.WriteAll(t.Context(), []Request{a, r}); err == nil || !strings.Contains(err.Error(), want) || len(texts) != 2 || len(texts[0].Tokens) > 0 {
			t.Errorf("%v, %v", texts, err)
		}
	}
	if texts, err := w.WriteAll(t.Context(), nil); err != nil || len(texts) != 0 {
		t.Errorf("no requests: %v, %v", texts, err)
	}
	// What there is when it is stopped is the beginning of each text.
	whole, err := w.WriteAll(t.Context(), []Request{a, a, a})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	b := a
	b.Emit = func(string) {
		if n++; n == 5 {
			cancel()
		}
	}
	part, err := w.WriteAll(ctx, []Request{a, b, a})
	if err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
	for i, text := range part {
		if len(text.Tokens) != 5 || !strings.HasPrefix(whole[i].Text, text.Text) || text.Stopped {
			t.Errorf("cancelled after 5: text %d is %+v", i, text)
		}
	}
}

// Keys and values of a long context are not all held; those of a table of positions are.
func TestContext(t *testing.T) {
	llama := func(blocks, kvHeads, headDim, context int) pedestrian.Config {
		return pedestrian.Config{Vocab: 128256, Context: context, Width: 2048, Heads: 32, KVHeads: kvHeads, HeadDim: headDim, Blocks: blocks, Positions: pedestrian.Rotary, Tied: true}
	}
	table := llama(16, 8, 64, 131072)
	table.Positions = pedestrian.Learned
	for _, c := range []struct {
		c    pedestrian.Config
		want int
	}{
		{llama(16, 8, 64, 131072), 16384}, // Llama 3.2 1B: 64 KiB a token
		{llama(24, 2, 64, 32768), 32768},  // Qwen2.5 0.5B: 24 KiB
		{llama(800, 32, 128, 4096), 1024}, // 25 MiB
		{table, 131072},
	} {
		if got := Context(c.c); got != c.want {
			t.Errorf("a context of %d, want %d", got, c.want)
		}
	}
}

// As many are written at the same time as pay and fit.
func TestBatch(t *testing.T) {
	gpt2 := func(blocks, width, context int) pedestrian.Config {
		return pedestrian.Config{Vocab: 50257, Context: context, Width: width, Heads: width / 64, Blocks: blocks, Tied: true}
	}
	for _, c := range []struct {
		c    pedestrian.Config
		want int
	}{
		{gpt2(12, 768, 1024), 8},   // 72 MiB of keys and values a text
		{gpt2(24, 1024, 1024), 7},  // 192 MiB a text, beside 1,350 MiB of parameters
		{gpt2(48, 1600, 1024), 8},  // 600 MiB, beside 5.8 GiB
		{gpt2(12, 768, 16384), 1},  // 1.1 GiB
		{gpt2(12, 768, 131072), 1}, // 9 GiB
	} {
		if got := batch(c.c); got != c.want {
			t.Errorf("%d blocks of width %d and a context of %d: a batch of %d, want %d", c.c.Blocks, c.c.Width, c.c.Context, got, c.want)
		}
	}
}

// sameText says whether two texts are equal, token by token.
func sameText(a, b Result) bool {
	return a.Text == b.Text && slices.Equal(a.Tokens, b.Tokens) && a.Stopped == b.Stopped
}

// The tokens of a result are those that were chosen: all of them, the one that ended the
// text and those of a stop string included.
func TestResultTokens(t *testing.T) {
	w := writer(t, chars(t), nil)
	s := Sampling{Temperature: 1, MaxTokens: 30}
	text, err := w.Write(t.Context(), "a", s, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := chars(t).Decode(text.Tokens); got != text.Text || len(text.Tokens) != s.MaxTokens {
		t.Errorf("%d tokens say %q, the text is %q", len(text.Tokens), got, text.Text)
	}
	w.End = text.Tokens[7:8]
	first := slices.Index(text.Tokens, w.End[0])
	ended, err := w.Write(t.Context(), "a", s, nil)
	if err != nil || !ended.Stopped || !slices.Equal(ended.Tokens, text.Tokens[:first+1]) {
		t.Errorf("ended by token %d: %v, the tokens %v, %v", w.End[0], ended.Stopped, ended.Tokens, err)
	}
}

// TestWriteEach: the texts of WriteAll, from requests of which no more are taken than are
// written at once; of those that are finished nothing stays.
func TestWriteEach(t *testing.T) {
	w := writer(t, chars(t), nil)
	w.Batch = 3
	var requests []Request
	for i := range 20 {
		s := Sampling{Temperature: 1, MaxTokens: 1 + i*7%5, Seed: uint64(i)}
		requests = append(requests, Request{Sampling: s, Tokens: []int32{int32(i % 3)}})
	}
	want, err := w.WriteAll(t.Context(), requests)
	if err != nil {
		t.Fatal(err)
	}
	taken, done := 0, 0
	got := make([]Result, len(requests))
	err = w.WriteEach(t.Context(), len(requests), func(yield func(Request) bool) {
		for i, r := range requests {
			taken++
			if ahead := taken - done; ahead > w.Batch {
				t.Errorf("%d requests are taken, and %d texts done", taken, done)
			}
			r.Done = func(text Result, _ time.Duration) { got[i] = text; done++ }
			if !yield(r) {
				return
			}
		}
	})
	if err != nil || done != len(requests) || !slices.EqualFunc(got, want, sameText) {
		t.Errorf("%d texts, %v:\n%+v\n%+v", done, err, got, want)
	}

	// Any number of requests: those of an hour, ended after 3000.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var before, after runtime.MemStats
	n := 0
	err = w.WriteEach(ctx, 1<<60, func(yield func(Request) bool) {
		for {
			if n++; n == 500 || n == 3000 {
				runtime.GC()
				runtime.ReadMemStats(&after)
				if n == 500 {
					before = after
				}
			}
			if n == 3000 {
				cancel()
			}
			if !yield(Request{Sampling: Sampling{MaxTokens: 1}, Tokens: []int32{1}}) {
				return
			}
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<10 {
		t.Errorf("2500 texts leave %d bytes", grown)
	}
	bad := Request{Sampling: Sampling{MaxTokens: 1}}
	if err := w.WriteEach(t.Context(), 1, slices.Values([]Request{bad})); err == nil {
		t.Error("a request without a prompt is written")
	}
}
