package exercises

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/derive"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// solutions are the layers of package paper, with their own backward passes.
func solutions() []exercise {
	return []exercise{
		checkFullyConnected(func(aPrev, w paper.Mat, b paper.Vec) (paper.Mat, func(D paper.Mat) (paper.Mat, paper.Mat, paper.Vec)) {
			return paper.FC(nil, aPrev, w, b)
		}),
		checkEmbedding(func(ids []int, w paper.Mat) (paper.Mat, func(D paper.Mat) paper.Mat) {
			a, back, _ := paper.Embedding(nil, ids, w)
			return a, back
		}),
		checkSoftmax(paperSoftmax),
		checkHead(func(aPrev paper.Mat, p paper.Head) (paper.Mat, func(D paper.Mat) (paper.Mat, paper.Head)) {
			return paper.Attention(nil, aPrev, p, paper.Causal(aPrev.N))
		}),
		checkLayerNorm(func(aPrev paper.Mat, w, b paper.Vec, eps float64) (paper.Mat, func(D paper.Mat) (paper.Mat, paper.Vec, paper.Vec)) {
			return paper.LayerNorm(nil, aPrev, w, b, eps)
		}),
		checkLoRA(func(aPrev, w paper.Mat, b paper.Vec, d, u paper.Mat, alpha float64) (paper.Mat, func(D paper.Mat) (paper.Mat, paper.Mat, paper.Mat)) {
			a, back := paper.Adapted(nil, aPrev, paper.Layer{W: w, B: b, D: d, U: u, Alpha: alpha})
			return a, func(D paper.Mat) (paper.Mat, paper.Mat, paper.Mat) {
				DPrev, dp := back(D)
				return DPrev, dp.D, dp.U
			}
		}),
		checkSkip(paperSkip),
		checkTiedLogits(paperTied),
		checkRMSNorm(func(aPrev paper.Mat, w paper.Vec, eps float64) (paper.Mat, func(D paper.Mat) (paper.Mat, paper.Vec)) {
			return paper.RMSNorm(nil, aPrev, w, eps)
		}),
		checkRotary(paperRotary),
	}
}

// paperSoftmax has equation (25) as paper.Attention writes it.
func paperSoftmax(G paper.Mat) (paper.Mat, func(D paper.Mat) paper.Mat) {
	rho := paper.Softmax(G)
	return rho, func(D paper.Mat) paper.Mat { return D.Sub(paper.Cols(D.FeatureDot(rho), G.D)).Had(rho) }
}

// paperSkip adds two error signals, as paper.Block does.
func paperSkip(a1 paper.Mat, branch Branch) (paper.Mat, func(D paper.Mat) paper.Mat) {
	a4, back := branch(a1)
	return a1.Add(a4), func(D paper.Mat) paper.Mat { return D.Add(back(D)) }
}

// paperTied is paper.Embedding below and paper.FC above, with the transposed table.
func paperTied(ids []int, w paper.Mat, between Branch) (paper.Mat, func(D12 paper.Mat) paper.Mat) {
	a1, backEmbedding, _ := paper.Embedding(nil, ids, w)
	a11, backBetween := between(a1)
	a12, backLogits := paper.FC(nil, a11, w.T(), nil)
	return a12, func(D12 paper.Mat) paper.Mat {
		D11, dwt, _ := backLogits(D12)
		return backEmbedding(backBetween(D11)).Add(dwt.T())
	}
}

// paperRotary is paper.Rotate; the frequencies are the angles of the second token, whose
// position is 1.
func paperRotary(aPrev, theta, _ paper.Mat) (paper.Mat, func(D paper.Mat) paper.Mat) {
	positions := make([]int, aPrev.N)
	for t := range positions {
		positions[t] = t
	}
	return paper.Rotate(nil, aPrev, positions, paper.Rotation{Freqs: theta.Row(1)[:aPrev.D/2]})
}

// TestSolutions: the backward passes of package paper pass every exercise.
func TestSolutions(t *testing.T) {
	if len(solutions()) != 10 {
		t.Errorf("there are %d exercises", len(solutions()))
	}
	for _, x := range solutions() {
		text, right := x.report()
		if !right || strings.Count(text, ": right\n") != len(x.back) {
			t.Errorf("the solution is refused:\n%s", text)
		}
	}
}

// TestForwardIsGiven: the stubs compute what the solutions compute, and who changes them is
// told so.
func TestForwardIsGiven(t *testing.T) {
	for _, x := range []exercise{
		checkFullyConnected(FullyConnected), checkEmbedding(Embedding), checkSoftmax(Softmax), checkHead(Head), checkLayerNorm(LayerNorm),
		checkLoRA(LoRA), checkSkip(Skip), checkTiedLogits(TiedLogits), checkRMSNorm(RMSNorm), checkRotary(Rotary),
	} {
		if where, differs := x.forwardDiffers(); differs {
			t.Errorf("%s: %s", x.name, where)
		}
	}
	for says, f := range map[string]softmax{
		"The forward pass has changed: number [1, 1] of its output is": func(G paper.Mat) (paper.Mat, func(D paper.Mat) paper.Mat) {
			_, back := paperSoftmax(G)
			return paper.Softmax(G.Scale(2)), back
		},
		"The forward pass has changed: its output is 9×5 and was 5×9.": func(G paper.Mat) (paper.Mat, func(D paper.Mat) paper.Mat) {
			rho, back := paperSoftmax(G)
			return rho.T(), back
		},
		"The forward pass has changed: it panics: not yet.": func(G paper.Mat) (paper.Mat, func(D paper.Mat) paper.Mat) { panic("not yet") },
	} {
		if text, right := checkSoftmax(f).report(); right || !strings.Contains(unwrapped(text), says) {
			t.Errorf("it says\n%s", text)
		}
	}
}

// unwrapped is a report in one line.
func unwrapped(text string) string { return strings.Join(strings.Fields(text), " ") }

// TestUnwritten: the first thing that a learner sees says what to do, in lines that fit into
// 80 columns behind the 8 of go test.
func TestUnwritten(t *testing.T) {
	for _, x := range solutions() {
		for i := range x.back {
			x.back[i].compute = func(*derive.Instance) paper.Mat { return paper.Mat{} }
		}
		text, right := x.report()
		for _, says := range []string{
			x.name + ", in exercises/" + x.file, "Nothing is written yet. back must return", x.back[0].what + ": ",
			`Put your lines where it says "Your lines"`, "A first hint: " + strings.Fields(x.back[0].grade.Hints[0])[0], "pedestrian derive " + x.back[0].grade.ID,
		} {
			if !strings.Contains(unwrapped(text), says) {
				t.Errorf("%s does not say %q:\n%s", x.name, says, text)
			}
		}
		if right {
			t.Errorf("%s is right, and nothing is written", x.name)
		}
		for line := range strings.Lines(text) {
			if n := len([]rune(line)) - 1; n > 70 {
				t.Errorf("%s: a line has %d columns: %s", x.name, n, line)
			}
		}
	}
}

// TestIndex: README.md has every exercise, in the order of the solutions, with its file, its
// command and hints.
func TestIndex(t *testing.T) {
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := strings.Split(string(page), "\n### ")[1:]
	if len(sections) != len(solutions()) {
		t.Fatalf("README.md has %d exercises", len(sections))
	}
	for i, x := range solutions() {
		s := sections[i]
		if !strings.HasPrefix(s, fmt.Sprintf("%d · %s\n", i+1, x.name)) || !strings.Contains(s, "`"+x.file+"`") ||
			!strings.Contains(s, "go test -tags exercises ./exercises -run "+x.name+"\n") || strings.Count(s, "<summary>Hint ") < 2 {
			t.Errorf("of %s README.md says\n%s", x.name, s)
		}
	}
}
