package engine

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// cacheTol is the limit for the decoder against the full pass in float64: sums
// of the same terms, taken over other tiles.
const cacheTol = 1e-12

// TestDecoderEqualsFullPass feeds three sequences: a prompt at once, then tokens
// one by one or for all sequences together.
func TestDecoderEqualsFullPass(t *testing.T) {
	for _, cs := range everyCase() {
		p, lora := cs.params(1)
		n := New(p, lora, Options{Batch: 3})
		rnd := rand.New(rand.NewPCG(1, 2))
		tokens := make([]int32, 3*cs.t)
		for i := range tokens {
			tokens[i] = int32(rnd.IntN(cs.c.Vocab))
		}
		full := NewMat[float64](len(tokens), cs.c.Vocab)
		n.Logits(full, Batch{B: 3, T: cs.t, Tokens: tokens})
		fresh := New(p, lora, Options{}) // of which nothing else was asked
		d := fresh.NewDecoder(3)
		for range 2 { // the second time after a Reset
			prompt := []int{1, cs.t / 2, cs.t - 2}
			for s, k := range prompt {
				at := s * cs.t
				near(t, cs.name+", prompt", d.Feed(s, tokens[at:at+k]), full.Row(at+k-1), cacheTol)
			}
			for k := range 2 {
				seqs, next := []int{2, 0, 1}, make([]int32, 3)
				for i, s := range seqs {
					next[i] = tokens[s*cs.t+prompt[s]+k]
				}
				out := d.Next(seqs, next)
				for i, s := range seqs {
					near(t, cs.name+", all together", out.Row(i), full.Row(s*cs.t+prompt[s]+k), cacheTol)
				}
			}
			for k := 3; k < cs.t; k++ {
				near(t, cs.name+", one by one", d.Feed(0, tokens[k:k+1]), full.Row(k), cacheTol)
			}
			if d.Len(0) != cs.t || d.Len(2) != cs.t {
				t.Errorf("%s: lengths %d and %d, not %d", cs.name, d.Len(0), d.Len(2), cs.t)
			}
			d.Reset()
		}
		fresh.Close()
		n.Close()
	}
}

// TestDecoderRowsAreAlone decodes four sequences together, of which some sit out and
// some begin anew, and each again in a decoder of its own: no bit differs.
func TestDecoderRowsAreAlone(t *testing.T) {
	for _, cs := range append(everyCase(), bigger) {
		for _, precision := range []Precision{Float32, BF16} {
			p, lora := convert[float32](cs.params(1))
			n := New(p, lora, Options{Precision: precision, Threads: 2})
			rnd := rand.New(rand.NewPCG(3, 4))
			random := func(k int) []int32 {
				tokens := make([]int32, k)
				for i := range tokens {
					tokens[i] = int32(rnd.IntN(cs.c.Vocab))
				}
				return tokens
			}
			d := n.NewDecoder(4)
			var alone [4]*Decoder[float32]
			for s := range alone {
				alone[s] = n.NewDecoder(1)
			}
			compare := func(s int, got, want []float32) {
				t.Helper()
				if !slices.Equal(got, want) {
					t.Errorf("%s, %s: sequence %d has other logits among others", cs.name, precision, s)
				}
			}
			for round := range 12 {
				var seqs []int
				for _, s := range rnd.Perm(4) {
					switch {
					case d.Len(s) == 0 || d.Len(s) == cs.c.Context:
						d.Reset(s)
						alone[s].Reset()
						prompt := random(1 + rnd.IntN(cs.c.Context))
						compare(s, d.Feed(s, prompt), alone[s].Feed(0, prompt))
					case (s+round)%3 > 0:
						seqs = append(seqs, s)
					}
				}
				if len(seqs) == 0 {
					continue
				}
				tokens := random(len(seqs))
				out := d.Next(seqs, tokens)
				for i, s := range seqs {
					compare(s, out.Row(i), alone[s].Feed(0, tokens[i:i+1]))
				}
			}
			n.Close()
		}
	}
}

// TestDecoderLongPrompt feeds a prompt of more tokens than pass at once.
func TestDecoderLongPrompt(t *testing.T) {
	cs := testCase{c: pedestrian.Config{Vocab: 7, Context: feedRows + 60, Width: 4, Heads: 2, Blocks: 2, Activation: pedestrian.ReLU, Eps: 1e-5}, b: 1, t: feedRows + 50}
	p, _ := cs.params(1)
	n := New(p, nil, Options{})
	defer n.Close()
	b := cs.batch(3)
	full := NewMat[float64](b.T, cs.c.Vocab)
	n.Logits(full, b)
	d := n.NewDecoder(1)
	near(t, "last logits", d.Feed(0, b.Tokens), full.Row(b.T-1), cacheTol)
}

// TestDecoderWindow: where tokens see a window, a decoder that gives old rows up computes
// what the full pass does, and to the bit what a decoder does that keeps all of them.
func TestDecoderWindow(t *testing.T) {
	const window, context = 21, 2*feedRows + 90
	c := llamaLike(func(c *pedestrian.Config) { c.SlidingWindow, c.Context = window, context })
	cs := testCase{c: c, b: 1, t: context}
	p, _ := cs.params(1)
	n := New(p, nil, Options{})
	defer n.Close()
	b := cs.batch(3)
	full := NewMat[float64](b.T, c.Vocab)
	n.Logits(full, b)
	few, all := n.NewDecoder(2), n.NewDecoder(context)
	if few.rows != window-1+feedRows || all.rows != context {
		t.Fatalf("%d and %d rows are stored", few.rows, all.rows)
	}
	for round, prompt := range []int{feedRows, 3, window} {
		few.Reset()
		all.Reset()
		few.Feed(0, b.Tokens[:round+1]) // another sequence beside it
		for from, to := 0, prompt; from < b.T; from, to = to, min(to+1+from%7*5, b.T) {
			got, want := few.Feed(1, b.Tokens[from:to]), all.Feed(1, b.Tokens[from:to])
			if !slices.Equal(got, want) {
				t.Fatalf("the logits of token %d differ by what is stored", to-1)
			}
			near(t, "a token's logits", got, full.Row(to-1), cacheTol)
		}
	}
	if told, err := DecoderMemory[float64](c, nil, Options{DecoderContext: 100}, 1); err != nil || told[len(told)-1].Bytes != 8*2*100*(12+12) {
		t.Errorf("%v, %v: not the keys and values of 100 tokens of 2 blocks", told, err)
	}
}

// TestDecoderRefuses lists what a decoder does not take, and that it is left as it was.
// TestDecoderKeep cuts a sequence back and goes on otherwise: the logits are those of a full
// pass over what is left and what came. Where the keys that are needed were given up, nothing
// is left.
func TestDecoderKeep(t *testing.T) {
	windowed := llamaLike(func(c *pedestrian.Config) { c.SlidingWindow, c.Context = 21, feedRows+90 })
	for _, cs := range append(everyCase(), testCase{name: "window", c: windowed, t: windowed.Context}) {
		p, lora := cs.params(1)
		n := New(p, lora, Options{})
		d, other := n.NewDecoder(2), n.NewDecoder(1)
		rnd := rand.New(rand.NewPCG(1, 2))
		random := func(k int) []int32 {
			tokens := make([]int32, k)
			for i := range tokens {
				tokens[i] = int32(rnd.IntN(cs.c.Vocab))
			}
			return tokens
		}
		length := min(cs.t, cs.c.Context)
		tokens := random(length)
		d.Feed(0, random(1)) // a neighbour
		d.Feed(1, tokens)
		for _, k := range []int{length - 1, max(1, length-106), length / 2, 1, 0} {
			k = min(k, len(tokens))
			want := k
			if cs.name == "window" && k == length-106 { // its own keys are there, and not all that it sees
				want = 0
			}
			if left := d.Keep(1, k); left != want {
				t.Errorf("%s: %d tokens are left of %d, not %d", cs.name, left, k, want)
			}
			k = want
			if d.Len(1) != k || d.Len(0) != 1 {
				t.Errorf("%s: %d tokens after Keep(%d), and %d beside it", cs.name, d.Len(1), k, d.Len(0))
			}
			tokens = append(slices.Clone(tokens[:k]), random(1+(length-k)/2)...)
			other.Reset()
			near(t, cs.name+", after Keep", d.Feed(1, tokens[k:]), other.Feed(0, tokens), cacheTol)
		}
		n.Close()
	}
}

func TestDecoderRefuses(t *testing.T) {
	cs := cases[0]
	p, _ := cs.params(1)
	n := New(p, nil, Options{})
	defer n.Close()
	d := n.NewDecoder(1)
	d.Feed(0, make([]int32, cs.c.Context-1))
	for want, f := range map[string]func(){
		"sequence 1 of 1":                      func() { d.Feed(1, []int32{0}) },
		"no tokens":                            func() { d.Feed(0, nil) },
		"the context is full: 8 tokens and 2":  func() { d.Feed(0, []int32{0, 0}) },
		"token 13 is outside the vocabulary":   func() { d.Feed(0, []int32{13}) },
		"token -1 is outside the vocabulary":   func() { d.Next([]int{0}, []int32{-1}) },
		"Decoder.Next: 2 tokens for 1 sequenc": func() { d.Next([]int{0}, []int32{0, 0}) },
		"Decoder.Next: 0 tokens for 0 sequenc": func() { d.Next(nil, nil) },
		"Decoder.Next: sequence -1 of 1":       func() { d.Next([]int{-1}, []int32{0}) },
		"Decoder.Next: sequence 0 twice":       func() { d.Next([]int{0, 0}, []int32{0, 0}) },
		"Decoder.Reset: sequence 1 of 1":       func() { d.Reset(1) },
		"NewDecoder: 0 sequences":              func() { n.NewDecoder(0) },
	} {
		mustPanic(t, want, f)
	}
	if d.Len(0) != cs.c.Context-1 {
		t.Errorf("length %d after refusals, not %d", d.Len(0), cs.c.Context-1)
	}
}

// mustPanic checks that f panics with a message that contains want.
func mustPanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if s, ok := recover().(string); !ok || !strings.Contains(s, want) || !strings.HasPrefix(s, "engine.") {
			t.Errorf("panic %q does not say %q", s, want)
		}
	}()
	f()
}
