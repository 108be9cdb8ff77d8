package train

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
	"time"
)

// TestWriteEach: the texts of WriteAll, from orders of which no more are taken than are
// written at once; of those that are finished nothing stays.
func TestWriteEach(t *testing.T) {
	w := writer(t, chars(t), nil)
	w.AtOnce = 3
	var orders []Order
	for i := range 20 {
		s := Sampling{Temperature: 1, Tokens: 1 + i*7%5, Seed: uint64(i)}
		orders = append(orders, Order{Sampling: s, After: []int32{int32(i % 3)}})
	}
	want, err := w.WriteAll(t.Context(), orders)
	if err != nil {
		t.Fatal(err)
	}
	taken, done := 0, 0
	got := make([]Text, len(orders))
	err = w.WriteEach(t.Context(), len(orders), func(yield func(Order) bool) {
		for i, o := range orders {
			taken++
			if ahead := taken - done; ahead > w.AtOnce {
				t.Errorf("%d orders are taken, and %d texts done", taken, done)
			}
			o.Done = func(text Text, _ time.Duration) { got[i] = text; done++ }
			if !yield(o) {
				return
			}
		}
	})
	if err != nil || done != len(orders) || !slices.EqualFunc(got, want, func(a, b Text) bool { return a.Text == b.Text && a.Tokens == b.Tokens }) {
		t.Errorf("%d texts, %v:\n%+v\n%+v", done, err, got, want)
	}

	// Any number of orders: those of an hour, ended after 3000.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var before, after runtime.MemStats
	n := 0
	err = w.WriteEach(ctx, 1<<60, func(yield func(Order) bool) {
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
			if !yield(Order{Sampling: Sampling{Tokens: 1}, After: []int32{1}}) {
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
	bad := Order{Sampling: Sampling{Tokens: 1}}
	if err := w.WriteEach(t.Context(), 1, slices.Values([]Order{bad})); err == nil {
		t.Error("an order without a token is written")
	}
}
