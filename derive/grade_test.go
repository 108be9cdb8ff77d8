package derive

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// corpus is every answer that is judged: those of the exercises and of testdata.
func corpus(tb testing.TB) (all []struct{ x, answer string }) {
	tb.Helper()
	add := func(x, answer string) { all = append(all, struct{ x, answer string }{x, answer}) }
	for _, x := range Exercises {
		for _, a := range x.Accepted {
			add(x.ID, a)
		}
		for _, m := range x.Mistakes {
			add(x.ID, m.Answer)
		}
	}
	lines, err := os.ReadFile("testdata/answers.txt")
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(string(lines)) {
		f := strings.Split(line, "\t")
		add(f[0], f[1])
	}
	return all
}

// BenchmarkVerdict grades the whole corpus; p50, p95, p99 and max are of one verdict.
func BenchmarkVerdict(b *testing.B) {
	answers := corpus(b)
	for _, x := range Exercises {
		x.grader()
	}
	var took []time.Duration
	for b.Loop() {
		for _, a := range answers {
			x := FindExercise(a.x)
			start := time.Now()
			x.Grade(a.answer)
			took = append(took, time.Since(start))
		}
	}
	if worst := slices.Index(took, slices.Max(took)); testing.Verbose() {
		b.Log(answers[worst%len(answers)])
	}
	slices.Sort(took)
	at := func(share float64) float64 { return float64(took[int(share*float64(len(took)-1))]) / 1e6 }
	b.ReportMetric(at(0.5), "ms-p50")
	b.ReportMetric(at(0.95), "ms-p95")
	b.ReportMetric(at(0.99), "ms-p99")
	b.ReportMetric(at(1), "ms-max")
}

// TestDeterministic: a verdict is the same when it is asked for again, by another grader.
func TestDeterministic(t *testing.T) {
	x := FindExercise("w_q")
	for _, a := range []string{"a_prev' @ D_raw @ q", "a_prev' @ D_causal @ q", "a_prev' @ rho @ v", "0"} {
		first := x.Grade(a)
		again := &Exercise{ID: x.ID, Level: x.Level, World: x.World, Target: x.Target, Given: x.Given, Accepted: x.Accepted, Mistakes: x.Mistakes, Terms: x.Terms, Releases: x.Releases}
		if v := again.Grade(a); v != first {
			t.Errorf("%s: first %+v, then %+v", a, first, v)
		}
	}
}

// TestSmallErrors: an answer that is wrong by 1e-6 of the gradient is wrong, one that is
// wrong by rounding is right, also where its terms are large and cancel; and where they are
// so large that nothing can be said, nothing is said.
func TestSmallErrors(t *testing.T) {
	for _, x := range Exercises {
		g := x.grader()
		if g.reference == nil {
			continue
		}
		good := "(" + g.reference.String() + ")"
		if v := x.regrade("1.000001 * " + good); v.Status != Wrong {
			t.Errorf("%s: wrong by 1e-6 is %s: %s", x.ID, v.Status, v.Message)
		}
		if v := x.regrade(good + " * 7 / 7"); v.Status != Right {
			t.Errorf("%s: times 7 / 7 is %s: %s", x.ID, v.Status, v.Message)
		}
		if v := x.regrade(good + " + 1000 * " + good + " - 1000 * " + good); v.Status != Right {
			t.Errorf("%s: terms that cancel by 1000 are %s: %s", x.ID, v.Status, v.Message)
		}
		if v := x.regrade("1.00001 * " + good + " + 1e14 * " + good + " - 1e14 * " + good); v.Status == Right {
			t.Errorf("%s: an error behind terms of 1e14 is %s: %s", x.ID, v.Status, v.Message)
		}
	}
}

// TestCandidates: what is wrong by 3e-8 of the gradient is no repair, and nothing to leave out.
func TestCandidates(t *testing.T) {
	x := FindExercise("fc_w")
	v := x.Grade("a_prev' @ D + 0.00000003 * (a_prev' @ D)")
	if v.Status != Wrong || v.ID != "ratio" {
		t.Errorf("wrong by 3e-8 is %s, %s: %s", v.Status, v.ID, v.Message)
	}
	g := x.grader()
	e, err := Parse("a_prev' @ D * 1.00000003")
	if err != nil {
		t.Fatal(err)
	}
	r, err := g.scope.readings(e, &g.want)
	if err != nil || g.rightAt(g.points, r[0].t) {
		t.Errorf("%s is a candidate: %v", e, err)
	}
}

// TestTruth: the truth of an exercise is that of the reference answer, which is the
// backward pass that is derived by hand.
func TestTruth(t *testing.T) {
	for _, x := range Exercises {
		g := x.grader()
		if g.reference == nil {
			continue
		}
		r, err := g.scope.infer(g.reference, &g.want)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range g.points {
			v := p.in.evaluate(r, false).v
			for i := range v.V {
				if d := v.V[i] - p.truth.V[i]; !(max(d, -d) <= 1e-10*max(p.large, 1)) {
					t.Fatalf("%s: entry %d is %g by hand and %g by differences", x.ID, i, v.V[i], p.truth.V[i])
				}
			}
		}
	}
}

// TestLettersDiffer: at every point all letters have different sizes, n_T ≥ 4, and a token
// that is normalized has 5 features or more, so that no two shapes fit by chance.
func TestLettersDiffer(t *testing.T) {
	for _, w := range Worlds {
		p := w.program()
		for i := range instances {
			sizes, used := p.sizes(i), map[int]string{}
			for _, l := range w.letters {
				if other, ok := used[sizes[l.name]]; ok && l.parts == nil {
					t.Errorf("%s: %s and %s are %d", w.ID, l.name, other, sizes[l.name])
				}
				used[sizes[l.name]] = l.name
			}
			if sizes["T"] < 4 || sizes["d"] > 0 && sizes["d"] < 5 && (w.ID == "layernorm" || w.ID == "rmsnorm") {
				t.Errorf("%s: sizes %v", w.ID, sizes)
			}
		}
	}
}

// FuzzGrade: nothing that is typed panics, and every repaired formula is right: those of all
// judged answers too, which it begins with.
func FuzzGrade(f *testing.F) {
	ids := []string{}
	for _, x := range Exercises {
		ids = append(ids, x.ID)
	}
	for _, a := range corpus(f) {
		f.Add(uint8(slices.Index(ids, a.x)), a.answer)
	}
	f.Add(uint8(slices.Index(ids, "w_q")), "a_prev' @ D_raw @ k / 0")
	f.Fuzz(func(t *testing.T, which uint8, answer string) {
		x := Exercises[int(which)%len(Exercises)]
		v := x.Grade(answer)
		if _, err := json.Marshal(v); err != nil {
			t.Fatalf("%s: %q: %v", x.ID, answer, err)
		}
		if v.Message == "" || v.ID == "" || v.Column < 0 || v.Column > 0 && v.End <= v.Column {
			t.Fatalf("%s: %q: %+v", x.ID, answer, v)
		}
		if v.Repair != "" {
			if r := x.regrade(v.Repair); r.Status != Right {
				t.Fatalf("%s: %q is repaired to %q, which is %s: %s", x.ID, answer, v.Repair, r.Status, r.Message)
			}
		}
	})
}

// regrade grades a repaired formula, which is whole, also where the answer fills a blank.
func (x *Exercise) regrade(formula string) Verdict {
	e, err := Parse(formula)
	if err != nil {
		return refusal(err)
	}
	return x.grader().grade(e)
}

// TestHostile: answers as large as the language allows get a verdict, and no search.
func TestHostile(t *testing.T) {
	long := func(n int, one string) string { return strings.TrimSuffix(strings.Repeat(one+" + ", n), " + ") }
	for _, x := range []string{"w_q", "layernorm", "head_input"} {
		for _, a := range []string{
			long(140, "a_prev' @ D_raw @ k"),
			long(80, "D * ~w"),
			strings.Repeat("(", 150) + "D" + strings.Repeat(")'", 150),
			strings.Repeat("-~", 90) + "D",
			"y where x = D * ~w, y = " + long(100, "x"),
			strings.Repeat("D * w @ ", 200) + "D",
			strings.Repeat("D @ w * ", 3) + "D",
			"softmax(log(zeros))", "0 / 0 * D", "exp(exp(exp(1000))) * D", "softmax(m + m')",
		} {
			if v := FindExercise(x).Grade(a); v.Status == Right || v.Message == "" {
				t.Errorf("%s: %.40s is %s: %s", x, a, v.Status, v.Message)
			}
		}
	}
}

// TestSoftmaxOfPaper: the evaluator's softmax is the paper's, which is other code.
func TestSoftmaxOfPaper(t *testing.T) {
	in := FindWorld("matrices").program().instance(0)
	p := FindWorld("matrices").program()
	e, err := Parse("softmax(G)")
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.scope.readings(e, nil)
	if err != nil {
		t.Fatal(err)
	}
	have, want := in.evaluate(r[0].t, false).v, paper.Softmax(in.values["G"])
	for i := range want.V {
		if d := have.V[i] - want.V[i]; max(d, -d) > 1e-15 {
			t.Fatalf("entry %d: %g and %g", i, have.V[i], want.V[i])
		}
	}
}
