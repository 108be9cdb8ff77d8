package studio

import (
	"encoding/binary"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

var update = flag.Bool("update", false, "write lesson.f64 anew")

// sentence draws one of the lesson: "the cat sat on a mat .", "the dog ran to the door and".
func sentence(r *rand.Rand) paper.Sequence {
	article := func() string { return []string{"the", "the", "the", "a"}[r.IntN(4)] }
	var s string
	if r.IntN(2) == 0 {
		s = article() + " cat sat on " + article() + " mat"
	} else {
		s = article() + " dog ran to " + article() + " door"
	}
	s += " " + []string{".", ".", ".", "and"}[r.IntN(4)]
	var ids []int
	for _, w := range strings.Fields(s) {
		ids = append(ids, slices.Index(lesson.Words, w))
	}
	if r.IntN(8) == 0 {
		ids[1+r.IntN(5)] = r.IntN(12)
	}
	return paper.Sequence{Tokens: ids[:6], Targets: ids[1:]}
}

// trained trains the lesson from its beginning.
func trained() *pedestrian.Params[float64] {
	p := drawn(lesson.Config, 7)
	r := rand.New(rand.NewPCG(8, 8))
	m, v := make([]float64, len(p.Slab)), make([]float64, len(p.Slab))
	for step := 1.0; step <= 220; step++ {
		batch := make([]paper.Sequence, 16)
		for i := range batch {
			batch[i] = sentence(r)
		}
		_, back := paper.Network(nil, p, nil, batch, paper.Mean)
		g, _ := back()
		for i, x := range g.Slab {
			m[i] += .1 * (x - m[i])
			v[i] += .05 * (x*x - v[i])
			p.Slab[i] -= .015 * (m[i] / (1 - math.Pow(.9, step))) / (math.Sqrt(v[i]/(1-math.Pow(.95, step))) + 1e-8)
		}
	}
	return p
}

// 220 steps carry what processors round differently (some fuse a product and a sum): it is
// below 1e-9 where it was measured, and another recipe differs in the first digit.
func TestLesson(t *testing.T) {
	p := trained()
	var b []byte
	for _, w := range p.Tensors() {
		for _, x := range w.V {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
		}
	}
	if *update {
		if err := os.WriteFile("lesson.f64", b, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if len(lessonWeights) != len(b) {
		t.Fatalf("lesson.f64 has %d bytes, the lesson %d", len(lessonWeights), len(b))
	}
	got := must(lesson.Params(State{}))
	for i, x := range p.Slab {
		if math.Abs(got.Slab[i]-x) > 1e-6 {
			t.Fatalf("weight %d is %g in lesson.f64, training gives %g", i, got.Slab[i], x)
		}
	}
}

// The lesson is worth looking at: it predicts most of its sentence, and in one head the word
// before "mat" looks at "cat".
func TestLessonAttends(t *testing.T) {
	s := open(t, State{})
	if s.Loss > 3 {
		t.Errorf("the loss of the lesson's sentence is %g", s.Loss)
	}
	best := 0.0
	for _, id := range []string{"b0.h0.rho", "b0.h1.rho"} {
		best = max(best, s.value(id).At(4, 1))
	}
	if best < .5 {
		t.Errorf("no head looks from the second article back at the animal: at most %g", best)
	}
}
