package e2e

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/generate"
	"github.com/pedestrian-ml/pedestrian/studio"
	"github.com/pedestrian-ml/pedestrian/studio/live"
	"github.com/pedestrian-ml/pedestrian/token"
	"github.com/pedestrian-ml/pedestrian/train"
)

// aRun is a network of characters that is larger than ours, as "pedestrian studio RUN" opens one.
func aRun(t testing.TB, text string) *studio.Model {
	t.Helper()
	tok, err := token.NewChars("abcdefghijklmnopqrstuvwxyz .\n")
	if err != nil {
		t.Fatal(err)
	}
	p := pedestrian.NewParams[float32](pedestrian.Config{Vocab: tok.Vocab(), Context: 40, Width: 64, Heads: 4, Blocks: 2, Activation: pedestrian.GELU, Eps: 1e-5, Tied: true})
	train.Init(p, 1)
	m, _, err := live.Network{Name: "run", Title: "a, step 40", Params: p, Tokenizer: tok, Text: text,
		Writer: func(n *engine.Network[float32]) *generate.Writer { return generate.NewWriter(n, p.Config, tok) }}.Model(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A run is shown with its own text: tensors come when a screen reads them, with Go's bits, and
// of a large one a part, which follows the cell.
func TestRun(t *testing.T) {
	m := aRun(t, "a cat sat on the mat.")
	p := open(t, serve(t, m), "#/?v=1&model=run")
	if words := eval[string](p, "[...document.querySelectorAll('#sentence select')].map(s => s.selectedOptions[0].textContent).join('')"); words != "a·cat·sat·on·the·mat." {
		t.Errorf("the sentence is %q", words)
	}
	eval[bool](p, "(document.querySelector('[data-k=block1]').click(), true)")
	p.wait("location.hash.includes('block=1') && document.documentElement.dataset.ready === location.hash")
	core := &studio.Core{More: []*studio.Model{m}}
	for _, c := range []struct {
		hash, id   string
		rows, cols int
	}{{"#/table/1?v=1&model=run&block=1&head=2&row=softmax", "b1.h2.rho", 21, 21}, {"#/node/b1.w_6?v=1&model=run&cell=40,200", "b1.w_6", 64, 256}} {
		p.to(c.hash)
		want := numbers(t, core, `{"model":"run"}`, c.id)
		cells := eval[[]string](p, `[...document.querySelectorAll('.grid[data-id="`+c.id+`"] td[data-v]')].map(td => td.dataset.ij + "," + td.dataset.v)`)
		if len(cells) != min(c.rows, 32)*min(c.cols, 32) {
			t.Errorf("%s: %d cells are shown", c.id, len(cells))
		}
		for _, cell := range cells {
			f := strings.Split(cell, ",")
			i, _ := strconv.Atoi(f[0])
			j, _ := strconv.Atoi(f[1])
			if x, err := strconv.ParseFloat(f[2], 64); err != nil || math.Float64bits(x) != math.Float64bits(want[i*c.cols+j]) && !(math.IsInf(x, -1) || x == 0 && want[i*c.cols+j] == 0) {
				t.Fatalf("%s: cell %d,%d is %s on the page, %v in Go", c.id, i, j, f[2], want[i*c.cols+j])
			}
		}
	}
	if here := eval[string](p, "document.querySelector('td[tabindex=\"0\"]').dataset.ij"); here != "39,199" {
		t.Errorf("the focus would be at %s", here)
	}
	if over := eval[int](p, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
		t.Errorf("the page is %d pixels too wide", over)
	}
	if c := p.complaints(); len(c) > 0 {
		t.Errorf("the page complained: %s", strings.Join(c, "; "))
	}
}
