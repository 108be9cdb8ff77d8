package train

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/token"
)

// frequencies chooses many times and counts.
func frequencies(t *testing.T, s Sampling, logits []float32, n int) []float64 {
	t.Helper()
	got := make([]float64, len(logits))
	space := make([]candidate, len(logits))
	for i := range n {
		id, err := s.choose(logits, uniform(5, streamSampling, uint64(i), 0, 0), space)
		if err != nil {
			t.Fatal(err)
		}
		got[id] += 1 / float64(n)
	}
	return got
}

func TestChoose(t *testing.T) {
	// Probabilities 0.1, 0.4, 0.2, 0.3 at temperature 1.
	logits := []float32{float32(math.Log(0.1)), float32(math.Log(0.4)), float32(math.Log(0.2)), float32(math.Log(0.3))}
	cold := func(p float64) float64 { return p * p / (0.01 + 0.16 + 0.04 + 0.09) }
	for _, c := range []struct {
		name string
		s    Sampling
		want []float64
	}{
		{"as it is", Sampling{Temperature: 1}, []float64{0.1, 0.4, 0.2, 0.3}},
		{"temperature ½", Sampling{Temperature: 0.5}, []float64{cold(0.1), cold(0.4), cold(0.2), cold(0.3)}},
		{"the likeliest", Sampling{}, []float64{0, 1, 0, 0}},
		{"top 2", Sampling{Temperature: 1, TopK: 2}, []float64{0, 4. / 7, 0, 3. / 7}},
		{"top 9", Sampling{Temperature: 1, TopK: 9}, []float64{0.1, 0.4, 0.2, 0.3}},
		{"p 0.69", Sampling{Temperature: 1, TopP: 0.69}, []float64{0, 4. / 7, 0, 3. / 7}},
		{"p 0.71", Sampling{Temperature: 1, TopP: 0.71}, []float64{0, 4. / 9, 2. / 9, 3. / 9}},
		{"p tiny", Sampling{Temperature: 1, TopP: 1e-9}, []float64{0, 1, 0, 0}},
		{"p 1", Sampling{Temperature: 1, TopP: 1}, []float64{0.1, 0.4, 0.2, 0.3}},
		{"top 3 and then p 0.6 of them", Sampling{Temperature: 1, TopK: 3, TopP: 0.6}, []float64{0, 4. / 7, 0, 3. / 7}},
	} {
		const n = 20000
		got := frequencies(t, c.s, logits, n)
		for i, p := range c.want {
			// Five standard errors; what cannot happen never does.
			if math.Abs(got[i]-p) > 5*math.Sqrt(p*(1-p)/n)+1e-9 {
				t.Errorf("%s: frequencies %.4f, want %.4f", c.name, got, c.want)
				break
			}
		}
	}
	// Ties go to the lower id, and to it only.
	for _, s := range []Sampling{{}, {Temperature: 1, TopK: 1}, {Temperature: 1, TopP: 1e-9}} {
		if got := frequencies(t, s, []float32{1, 2, 2, 0}, 10); math.Abs(got[1]-1) > 1e-9 {
			t.Errorf("%+v: %v", s, got)
		}
	}
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
		if _, err := (Sampling{Temperature: 1}).choose([]float32{0, bad, 1}, 0.5, make([]candidate, 3)); err == nil {
			t.Errorf("a logit of %g: no error", bad)
		}
	}
	// A range of logits that float32 could not exponentiate.
	if got := frequencies(t, Sampling{Temperature: 1e-3}, []float32{-3e38, 3e38, 0}, 10); math.Abs(got[1]-1) > 1e-9 {
		t.Errorf("extreme logits: %v", got)
	}
}

// The likeliest are those that come first when all are sorted.
func TestLikeliest(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		cs := make([]candidate, 1+rnd.IntN(60))
		sum := 0.0
		for i := range cs {
			cs[i] = candidate{int32(i), float64(rnd.IntN(20))} // many are equal
			sum += cs[i].weight
		}
		want := slices.SortedFunc(slices.Values(cs), func(a, b candidate) int {
			return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.id, b.id))
		})
		n, weight := rnd.IntN(len(cs)+1), math.Inf(1)
		if rnd.IntN(2) == 0 {
			weight = math.Floor(sum * rnd.Float64())
		}
		reached, few := 0.0, 0
		for few < n && reached < weight {
			reached += want[few].weight
			few++
		}
		all := slices.Clone(cs)
		if got := likeliest(cs, n, weight); !slices.Equal(got, want[:few]) {
			t.Fatalf("%d of %v, up to %g: %v, want %v", n, all, weight, got, want[:few])
		}
	}
}

func TestStopper(t *testing.T) {
	for _, c := range []struct {
		stop  []string
		parts []string
		want  string
		found bool
	}{
		{nil, []string{"a", "b"}, "ab", false},
		{[]string{"END"}, []string{"abE", "N", "Dxyz"}, "ab", true},
		{[]string{"END"}, []string{"abE", "N", "Exyz"}, "abENExyz", false},
		{[]string{"aab"}, []string{"a", "a", "a", "b"}, "a", true},
		{[]string{"\n\n"}, []string{"x\n", "y\n", "\n"}, "x\ny", true},
		{[]string{"END"}, []string{"E", "N"}, "EN", false},
		// Several: the first that is complete counts, whatever pieces it comes in.
		{[]string{"END", "."}, []string{"ab", "c.", "d"}, "abc", true},
		{[]string{".", "END"}, []string{"abEN", "D."}, "ab", true},
		{[]string{"abcd", "bc"}, []string{"xab", "c", "d"}, "xa", true},
		{[]string{"abcd", "bc"}, []string{"xabcd"}, "xa", true},
		{[]string{"bc", "abc"}, []string{"xa", "b", "c"}, "x", true},
		{[]string{"ENDE", "NEVER"}, []string{"xE", "N", "EV", "E", "R!"}, "xE", true},
		{[]string{"User:", "<|im_end|>"}, []string{"hi <|im", "_en", "d>", " Us", "er"}, "hi <|im_end> User", false},
	} {
		s := stopper{stop: c.stop}
		got, found := "", false
		for _, p := range c.parts {
			var out string
			out, found = s.add(p)
			got += out
			if found {
				break
			}
		}
		if !found {
			got += s.flush()
		}
		if got != c.want || found != c.found {
			t.Errorf("stop %q in %q: %q %v, want %q %v", c.stop, c.parts, got, found, c.want, c.found)
		}
	}
}

// writer is a network with random weights, large enough for text that varies.
func writer(t *testing.T, tok *token.Tokenizer, change func(*pedestrian.Config)) *Writer {
	t.Helper()
	return writerIn(t, tok, engine.Float32, change)
}

func writerIn(t *testing.T, tok *token.Tokenizer, precision engine.Precision, change func(*pedestrian.Config)) *Writer {
	t.Helper()
	c := pedestrian.Config{Vocab: tok.Vocab() + 3, Context: 11, Width: 16, Heads: 2, Blocks: 2, Activation: pedestrian.GELU, Eps: 1e-5, Bias: true, Tied: true}
	if change != nil {
		change(&c)
	}
	p := pedestrian.NewParams[float32](c)
	Init(p, 8)
	for _, v := range p.Tensors() {
		if !v.Vec() {
			for i := range v.V {
				v.V[i] *= 20
			}
		}
	}
	net := engine.New(p, nil, engine.Options{Threads: 2, Precision: precision})
	t.Cleanup(net.Close)
	return NewWriter(net, c, tok)
}

func chars(t *testing.T) *token.Tokenizer {
	t.Helper()
	tok, err := token.NewChars("abcdefghij\n é")
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// With the KV cache and without it: the same text, over many windows.
func TestCacheWritesTheSameText(t *testing.T) {
	for _, tok := range []*token.Tokenizer{chars(t), token.NewBytes()} {
		for _, context := range []int{1, 2, 7, 11} {
			w := writer(t, tok, func(c *pedestrian.Config) { c.Context = context })
			for _, prompt := range []string{"a", "abc", "abcdefghijabcdefghij"} {
				for _, s := range []Sampling{{Tokens: 60}, {Tokens: 60, Temperature: 1, Seed: 3}, {Tokens: 60, Temperature: 1.5, TopK: 5, TopP: 0.9, Seed: 4}} {
					with, err := w.Write(t.Context(), prompt, s, nil)
					if err != nil {
						t.Fatal(err)
					}
					s.NoCache = true
					without, err := w.Write(t.Context(), prompt, s, nil)
					if err != nil || !sameText(with, without) || with.Tokens != 60 {
						t.Errorf("context %d, prompt %q, %+v: %+v with the cache, %+v without, %v", context, prompt, s, with, without, err)
					}
				}
			}
		}
	}
}

func TestWrite(t *testing.T) {
	w := writer(t, chars(t), nil)
	s := Sampling{Temperature: 1, Tokens: 200, Seed: 1}
	var streamed strings.Builder
	a, err := w.Write(t.Context(), "ab", s, func(p string) { streamed.WriteString(p) })
	if err != nil || len([]rune(a.Text)) != 200 || streamed.String() != a.Text {
		t.Errorf("%+v, streamed %q, %v", a, streamed.String(), err)
	}
	if again, _ := w.Write(t.Context(), "ab", s, nil); !sameText(again, a) {
		t.Errorf("the same seed: %q, then %q", a.Text, again.Text)
	}
	s.Seed = 2
	if other, _ := w.Write(t.Context(), "ab", s, nil); other.Text == a.Text {
		t.Errorf("another seed, the same text: %q", other.Text)
	}
	s.Seed, s.Stop = 1, []string{"never", a.Text[100:104]}
	streamed.Reset()
	b, err := w.Write(t.Context(), "ab", s, func(p string) { streamed.WriteString(p) })
	if want := a.Text[:strings.Index(a.Text, s.Stop[1])]; err != nil || !b.Stopped || b.Text != want || streamed.String() != want {
		t.Errorf("stop %q: %+v, streamed %q, want %q, %v", s.Stop, b, streamed.String(), want, err)
	}
	s.Stop = []string{a.Text[len(a.Text)-1:] + "never"} // what might be its beginning is text in the end
	streamed.Reset()
	if c, err := w.Write(t.Context(), "ab", s, func(p string) { streamed.WriteString(p) }); err != nil || !sameText(c, a) || streamed.String() != a.Text {
		t.Errorf("stop %q: %+v, streamed %q, want %+v, %v", s.Stop, c, streamed.String(), a, err)
	}
	for prompt, want := range map[string]string{"": "the prompt is empty", "abX": "is not among the 13 characters"} {
		if _, err := w.Write(t.Context(), prompt, s, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("prompt %q: %v", prompt, err)
		}
	}
	for _, bad := range []Sampling{{Tokens: 0}, {Tokens: 1, Temperature: -1}, {Tokens: 1, Temperature: math.NaN()}, {Tokens: 1, TopK: -1}, {Tokens: 1, TopP: 1.5}} {
		if _, err := w.Write(t.Context(), "a", bad, nil); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	c, err := w.Write(ctx, "a", Sampling{Tokens: 100, Temperature: 1}, func(string) {
		if n++; n == 5 {
			cancel()
		}
	})
	if err != context.Canceled || c.Tokens != 5 {
		t.Errorf("cancelled after 5: %+v, %v", c, err)
	}
}

// A token that ends a text ends it, and is not written; tokens that begin one stand in
// the place of an empty prompt.
func TestBeginAndEnd(t *testing.T) {
	tok := chars(t)
	w := writer(t, tok, nil)
	s := Sampling{Temperature: 1, Tokens: 100, Seed: 1}
	whole, err := w.Write(t.Context(), "ab", s, nil)
	if err != nil {
		t.Fatal(err)
	}
	last := []rune(whole.Text)[20]
	end, err := tok.Encode(string(last))
	if err != nil {
		t.Fatal(err)
	}
	w.End = end
	want := whole.Text[:strings.IndexRune(whole.Text, last)]
	if got, err := w.Write(t.Context(), "ab", s, nil); err != nil || got.Text != want || !got.Stopped || got.Tokens != len([]rune(want))+1 {
		t.Errorf("ended by %q: %+v, want %q, %v", last, got, want, err)
	}
	w.End = nil
	w.Begin, err = tok.Encode("ab")
	if err != nil || w.Prompt() != "" {
		t.Errorf("the prompt is %q, %v", w.Prompt(), err)
	}
	if got, err := w.Write(t.Context(), "", s, nil); err != nil || !sameText(got, whole) {
		t.Errorf("without a prompt: %+v, want %+v, %v", got, whole, err)
	}
}
