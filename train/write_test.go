package train

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
)

// unlikeOrders are for texts of which some are short, some stop, some end by a token,
// some begin with more than a window, and one does without the cache.
func unlikeOrders(t *testing.T, w *Writer) (orders []Order) {
	t.Helper()
	for i, prompt := range []string{"a", "abcdefg", "b\nc", "abcdefghijabcdefghijabcdefghij", "é", "hi", "ab", "j", "cab"} {
		after, err := w.Encode(prompt)
		if err != nil {
			t.Fatal(err)
		}
		s := Sampling{Temperature: 1.2, Seed: uint64(i / 2), Tokens: 20 + 17*i%50, NoCache: i == 5}
		s.Stop = [][]string{nil, {"a"}, {"dd", "h"}, nil}[i%4]
		if i == 2 {
			s.Temperature = 0
		}
		orders = append(orders, Order{Sampling: s, After: after})
	}
	return orders
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
			orders := unlikeOrders(t, alone)
			var want []Text
			for _, o := range orders {
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
			for _, w.AtOnce = range []int{0, 2, 3, 8, 100} {
				name := fmt.Sprintf("%s, context %d, %d at once", precision, context, w.AtOnce)
				emitted, done := make([]strings.Builder, len(orders)), make([]Text, len(orders))
				for i := range orders {
					orders[i].Emit = func(piece string) { emitted[i].WriteString(piece) }
					orders[i].Done = func(text Text, took time.Duration) {
						if done[i] = text; took <= 0 {
							t.Errorf("%s: text %d took %s", name, i, took)
						}
					}
				}
				got, err := w.WriteAll(t.Context(), orders)
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
	w.AtOnce = 2
	after, err := w.Encode("a")
	if err != nil {
		t.Fatal(err)
	}
	var order []int
	var orders []Order
	for i, n := range []int{30, 3, 4, 5} {
		orders = append(orders, Order{Sampling: Sampling{Temperature: 1, Tokens: n}, After: after, Done: func(Text, time.Duration) { order = append(order, i) }})
	}
	if _, err := w.WriteAll(t.Context(), orders); err != nil || fmt.Sprint(order) != "[1 2 3 0]" || w.rows != 2 {
		t.Errorf("finished in the order %v in %d places, %v", order, w.rows, err)
	}
}

func TestWriteAllRefuses(t *testing.T) {
	w := writer(t, chars(t), nil)
	a := Order{Sampling: Sampling{Temperature: 1, Tokens: 100}, After: []int32{1}}
	for want, o := range map[string]Order{
		"an order wants at least one token": {Sampling: a.Sampling},
		"the number of tokens is 0":         {After: a.After},
	} {
		if texts, err := w.WriteAll(t.Context(), []Order{a, o}); err == nil || !strings.Contains(err.Error(), want) || len(texts) != 2 || texts[0].Tokens > 0 {
			t.Errorf("%v, %v", texts, err)
		}
	}
	if texts, err := w.WriteAll(t.Context(), nil); err != nil || len(texts) != 0 {
		t.Errorf("no orders: %v, %v", texts, err)
	}
	// What there is when it is stopped is the beginning of each text.
	whole, err := w.WriteAll(t.Context(), []Order{a, a, a})
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
	part, err := w.WriteAll(ctx, []Order{a, b, a})
	if err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
	for i, text := range part {
		if text.Tokens != 5 || !strings.HasPrefix(whole[i].Text, text.Text) || text.Stopped {
			t.Errorf("cancelled after 5: text %d is %+v", i, text)
		}
	}
}

// As many are written at once as pay and fit.
func TestAtOnce(t *testing.T) {
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
		if got := atOnce(c.c); got != c.want {
			t.Errorf("%d blocks of width %d and a context of %d: %d at once, want %d", c.c.Blocks, c.c.Width, c.c.Context, got, c.want)
		}
	}
}

// sameText says whether two texts are equal, token by token.
func sameText(a, b Text) bool {
	ids := slices.Equal(a.IDs, b.IDs)
	a.IDs, b.IDs = nil, nil
	return ids && a.Text == b.Text && a.Tokens == b.Tokens && a.Stopped == b.Stopped
}

// The ids are those of the tokens that were chosen: all of them, the one that ended the
// text and those of a stop string included.
func TestTextIDs(t *testing.T) {
	w := writer(t, chars(t), nil)
	s := Sampling{Temperature: 1, Tokens: 30}
	text, err := w.Write(t.Context(), "a", s, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := chars(t).Decode(text.IDs); got != text.Text || len(text.IDs) != text.Tokens {
		t.Errorf("%d ids say %q, the text is %q of %d tokens", len(text.IDs), got, text.Text, text.Tokens)
	}
	w.End = text.IDs[7:8]
	first := slices.Index(text.IDs, w.End[0])
	ended, err := w.Write(t.Context(), "a", s, nil)
	if err != nil || !ended.Stopped || !slices.Equal(ended.IDs, text.IDs[:first+1]) {
		t.Errorf("ended by token %d: %v, the ids %v, %v", w.End[0], ended.Stopped, ended.IDs, err)
	}
}
