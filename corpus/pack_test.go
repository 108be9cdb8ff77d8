package corpus

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// documents are examples of the given lengths; tokens count on, and what is learnt
// of document i is what learn says, or everything.
func documents(learn func(i, j int) bool, lengths ...int) *Examples {
	x := &Examples{}
	next := int32(100)
	for i, n := range lengths {
		tokens, marks := make([]int32, n), make([]bool, n)
		for j := range tokens {
			tokens[j], marks[j] = next, learn == nil || learn(i, j)
			next++
		}
		x.Add(tokens, marks, Place{"a.jsonl", i + 1})
	}
	return x
}

// rows writes out what a sweep over p hands out: "input>target" with a bar before
// each document, a dot for what is ignored.
func rows(p *Packed) (out []string) {
	tokens, targets := make([]int32, p.T), make([]int32, p.T)
	for i := range p.Rows() {
		starts := p.Sweep(i, 1, tokens, targets, nil)
		var b strings.Builder
		for j := range tokens {
			if slices.Contains(starts, int32(j)) {
				b.WriteString("|")
			} else {
				b.WriteString(" ")
			}
			if targets[j] == Ignored {
				fmt.Fprintf(&b, "%d.", tokens[j])
			} else {
				fmt.Fprintf(&b, "%d>%d", tokens[j], targets[j])
			}
		}
		out = append(out, b.String())
	}
	return out
}

// stats compares statistics, the padding up to a rounding.
func stats(p *Packed, want PackStats) bool {
	got := p.Stats
	near := math.Abs(got.Padding-want.Padding) < 1e-15
	got.Padding, want.Padding = 0, 0
	return near && got == want
}

// TestPackByHand: documents of 4, 6, 3, 2 and 5 tokens take 3, 5, 2, 1 and 4 places
// in rows of 6. The longest first: 5 opens row 0, 4 row 1, 3 row 2; 2 fits best into
// row 1, which is full then, and 1 into row 0.
func TestPackByHand(t *testing.T) {
	x := documents(nil, 4, 6, 3, 2, 5) // 100…103, 104…109, 110…112, 113 114, 115…119
	want := []string{
		"|104>105 105>106 106>107 107>108 108>109|113>114",
		"|110>111 111>112|115>116 116>117 117>118 118>119",
		"|100>101 101>102 102>103|0. 0. 0.",
	}
	p := Pack(x, 6, PackOptions{})
	if got := rows(p); !slices.Equal(got, want) {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
	if want := (PackStats{Rows: 3, Documents: 5, Inputs: 15, Targets: 15, Padding: 3. / 18}); !stats(p, want) {
		t.Errorf("%+v", p.Stats)
	}
}

// TestPackLong: rows of 3. The first document, of 8 tokens of which 101 and 107 are
// learnt, is cut into three pieces, of which the second has no target, or truncated.
// The last has a single token, which nothing predicts.
func TestPackLong(t *testing.T) {
	x := documents(func(i, j int) bool { return i > 0 || j == 1 || j == 7 }, 8, 4, 1) // 100…107, 108…111, 112
	for _, c := range []struct {
		o     PackOptions
		want  []string
		stats PackStats
	}{
		{PackOptions{}, []string{"|100>101 101. 102.", "|108>109 109>110 110>111", "|106>107|0. 0."}, PackStats{Rows: 3, Documents: 2, Inputs: 7, Targets: 5, Padding: 2. / 9, Long: 1, Skipped: 2}},
		{PackOptions{Long: LongTruncate}, []string{"|100>101 101. 102.", "|108>109 109>110 110>111"}, PackStats{Rows: 2, Documents: 2, Inputs: 6, Targets: 4, Long: 1, Lost: 1, Skipped: 1}},
	} {
		p := Pack(x, 3, c.o)
		if got := rows(p); !slices.Equal(got, c.want) || !stats(p, c.stats) {
			t.Errorf("%+v: %s\n%+v", c.o, strings.Join(got, "\n"), p.Stats)
		}
	}
}

// TestPackPads: a row for each document.
func TestPackPads(t *testing.T) {
	p := Pack(documents(nil, 3, 2, 4), 4, PackOptions{Pad: true})
	want := []string{"|100>101 101>102|0. 0.", "|103>104|0. 0. 0.", "|105>106 106>107 107>108|0."}
	if got := rows(p); !slices.Equal(got, want) || p.Stats.Padding != 0.5 {
		t.Errorf("%s\n%+v", strings.Join(got, "\n"), p.Stats)
	}
}

// TestPackKeepsEverything lays random documents: every target that counts is there
// once, behind the token before it; a document that fits is in one piece; no two rows
// could be one; and an order that a run has is another one in every epoch.
func TestPackKeepsEverything(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, T := range []int{1, 2, 7, 64, 65, 200} {
		lengths := make([]int, 300)
		for i := range lengths {
			lengths[i] = r.IntN(2 * T)
		}
		x := documents(func(i, j int) bool { return (i+j)%3 > 0 }, lengths...)
		p := Pack(x, T, PackOptions{Seed: 5})
		seen := map[int32]bool{}
		tokens, targets := make([]int32, 3*T), make([]int32, 3*T)
		starts, used, counted := make([]int32, 0, 3*p.MaxStarts()), []int{}, 0
		for first := 0; first < p.Rows(); first += 3 {
			starts = p.Sweep(first, 3, tokens, targets, starts)
			for i, y := range targets {
				if i%T == 0 {
					used = append(used, 0)
				}
				if tokens[i] > 0 {
					used[len(used)-1]++
				}
				if y == Ignored {
					continue
				}
				if tokens[i] != y-1 || seen[y] || !x.Learn[y-100] {
					t.Fatalf("T = %d: target %d behind %d", T, y, tokens[i])
				}
				seen[y] = true
				counted++
				if i%T > 0 && tokens[i-1] != tokens[i]-1 && !slices.Contains(starts, int32(i)) {
					t.Fatalf("T = %d: %d does not begin a document", T, tokens[i])
				}
			}
			for i := 1; i < len(starts); i++ {
				if starts[i] <= starts[i-1] {
					t.Fatalf("starts %v", starts)
				}
			}
		}
		want := x.Targets()
		if counted != want || p.Stats.Targets != want {
			t.Errorf("T = %d: %d targets in rows, %d counted, of %d", T, counted, p.Stats.Targets, want)
		}
		slices.Sort(used[:p.Rows()])
		if p.Rows() > 1 && used[0]+used[1] <= T {
			t.Errorf("T = %d: rows of %d and %d tokens could be one", T, used[0], used[1])
		}
		if cap(starts) != 3*p.MaxStarts() {
			t.Errorf("T = %d: more starts than MaxStarts", T)
		}
	}
}

// TestPackedOrder: an epoch has every row once, in an order of its own; a row is a
// pure function of the seed and its number, and so is what a resumed run sees.
func TestPackedOrder(t *testing.T) {
	x := documents(nil, 3, 3, 3, 3, 3, 3, 3)
	const T = 2
	p := Pack(x, T, PackOptions{Seed: 3})
	n := p.Rows()
	var orders []string
	tokens, targets := make([]int32, T), make([]int32, T)
	all := []int32{}
	for epoch := range 4 {
		order := []int32{}
		for i := range n {
			p.Batch(uint64(epoch*n+i), 1, tokens, targets, nil)
			order = append(order, (tokens[0]-100)/3)
		}
		all = append(all, order...)
		orders = append(orders, fmt.Sprint(order))
		slices.Sort(order)
		if !slices.Equal(order, []int32{0, 1, 2, 3, 4, 5, 6}) {
			t.Errorf("epoch %d has rows %v", epoch, order)
		}
	}
	// Golden: the same on every platform and for ever, or runs could not resume.
	if want := "[[5 2 1 0 6 3 4]]"; fmt.Sprint(orders[:1]) != want {
		t.Errorf("the order of epoch 0 is %v, want %v", orders, want)
	}
	for i := range orders {
		if slices.Contains(orders[:i], orders[i]) {
			t.Errorf("epoch %d has the order of another: %v", i, orders)
		}
	}
	for _, at := range []int{20, 0, 7, 6, 13} { // in any order, across the end of an epoch
		again := Pack(x, T, PackOptions{Seed: 3})
		tokens, targets := make([]int32, 2*T), make([]int32, 2*T)
		again.Batch(uint64(at), 2, tokens, targets, nil)
		if (tokens[0]-100)/3 != all[at] || (tokens[T]-100)/3 != all[at+1] {
			t.Errorf("rows %d and %d are other ones after a restart", at, at+1)
		}
		if got := again.targetsIn(uint64(at), 2); got != 4 {
			t.Errorf("%d targets", got)
		}
	}
	if q := Pack(x, T, PackOptions{Seed: 4}); fmt.Sprint(q.order) == fmt.Sprint(p.order) {
		t.Error("another seed, the same order")
	}
}

// TestPackedOrderIsUniform draws the place of row 0 among 7 in 7000 epochs: χ² with
// 6 degrees of freedom exceeds 35 once in 10^5 draws.
func TestPackedOrderIsUniform(t *testing.T) {
	p := Pack(documents(nil, 3, 3, 3, 3, 3, 3, 3), 2, PackOptions{})
	var count [7]float64
	for epoch := range uint64(7000) {
		p.shuffle(epoch)
		count[slices.Index(p.order, 0)]++
	}
	chi := 0.0
	for _, c := range count {
		chi += (c - 1000) * (c - 1000) / 1000
	}
	if chi > 35 {
		t.Errorf("χ² = %.1f for 6 degrees of freedom: %v", chi, count)
	}
}

func TestPackedDoesNotAllocate(t *testing.T) {
	const B, T = 4, 100
	p := Pack(documents(nil, 30, 40, 99, 20, 70, 11, 101, 5), T, PackOptions{})
	tokens, targets, starts := make([]int32, B*T), make([]int32, B*T), make([]int32, 0, B*p.MaxStarts())
	at := uint64(0)
	if n := testing.AllocsPerRun(100, func() {
		p.Batch(at, B, tokens, targets, starts)
		p.targetsIn(at, B)
		p.Sweep(0, B, tokens, targets, starts)
		at += B
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestPackMisuse(t *testing.T) {
	x := documents(nil, 3)
	none := Pack(&Examples{}, 4, PackOptions{})
	if none.Rows() != 0 || none.Stats != (PackStats{}) {
		t.Errorf("%+v of nothing", none.Stats)
	}
	for says, f := range map[string]func(){
		"corpus.Pack: rows of 0 tokens":                   func() { Pack(x, 0, PackOptions{}) },
		`long documents "drop"`:                           func() { Pack(x, 4, PackOptions{Long: "drop"}) },
		"corpus.Packed: there are no rows":                func() { none.Batch(0, 1, make([]int32, 4), make([]int32, 4), nil) },
		"corpus.Packed.Batch: 3 tokens and 4 targets for": func() { Pack(x, 4, PackOptions{}).Batch(0, 1, make([]int32, 3), make([]int32, 4), nil) },
		"corpus.Packed.Sweep: 3 tokens and 4 targets for": func() { Pack(x, 4, PackOptions{}).Sweep(0, 1, make([]int32, 3), make([]int32, 4), nil) },
		"corpus.Examples.Add: 2 tokens and 1 marks":       func() { x.Add([]int32{1, 2}, []bool{true}, Place{}) },
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, says) {
					t.Errorf("%q does not say %q", got, says)
				}
			}()
			f()
		}()
	}
}
