package generate

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pedestrian-ml/pedestrian/internal/random"
)

// frequencies chooses many times and counts.
func frequencies(t *testing.T, s Sampling, logits []float32, n int) []float64 {
	t.Helper()
	got := make([]float64, len(logits))
	space := make([]candidate, len(logits))
	for i := range n {
		id, err := s.choose(logits, random.Uniform(5, random.Sampling, uint64(i), 0, 0), space)
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
