package e2e

import (
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/generate"
	"github.com/pedestrian-ml/pedestrian/studio"
	"github.com/pedestrian-ml/pedestrian/studio/live"
	"github.com/pedestrian-ml/pedestrian/token"
)

func init() { screens = append(screens, "#/generate?v=1&write=1,0,0.9,1,3&tok=0.2.4") }

// Pressing n writes what a Writer writes with that seed; a digit takes another token, and p
// takes it back.
func TestGenerate(t *testing.T) {
	p := open(t, serve(t), "#/generate?v=1&model=story&step=40&write=1,5,0,3,4&tok=20.21.22.23")
	for i := range 10 {
		p.keys("n")
		p.wait("document.querySelectorAll('#written span').length === " + strings.Repeat("1+", i) + "5 && document.documentElement.dataset.ready === location.hash")
	}
	got := eval[string](p, "[...document.querySelectorAll('#written span')].slice(4).map(s => s.textContent).join('')")

	core, err := live.NewCore()
	if err != nil {
		t.Fatal(err)
	}
	m := core.More[0]
	wide, err := m.Params(studio.State{Step: 40})
	if err != nil {
		t.Fatal(err)
	}
	narrow := pedestrian.NewParams[float32](m.Config)
	pedestrian.Convert(&narrow.Values, &wide.Values)
	net := engine.New(narrow, nil, engine.Options{Threads: 1})
	defer net.Close()
	tok, err := token.NewChars(strings.NewReplacer("·", " ", "¶", "\n").Replace(strings.Join(m.Words, "")))
	if err != nil {
		t.Fatal(err)
	}
	r, err := generate.NewWriter(net, narrow.Config, tok).WriteAll(t.Context(), []generate.Request{{Tokens: []int32{20, 21, 22, 23}, Sampling: generate.Sampling{Temperature: 1, TopK: 5, Seed: 3, MaxTokens: 10}}})
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.NewReplacer(" ", "·", "\n", "¶").Replace(r[0].Text); got != want {
		t.Errorf("the page writes %q, a writer %q", got, want)
	}
	third := eval[string](p, "document.querySelector('[data-k=c2]').textContent")
	p.keys("3")
	p.wait("document.querySelectorAll('#written span').length === 15 && document.documentElement.dataset.ready === location.hash")
	if last := eval[string](p, "[...document.querySelectorAll('#written span')].at(-1).textContent"); last != third {
		t.Errorf("3 takes %q, the third is %q", last, third)
	}
	p.keys("p")
	p.wait("document.querySelectorAll('#written span').length === 14 && document.documentElement.dataset.ready === location.hash")
	if c := p.complaints(); len(c) > 0 {
		t.Errorf("the page complained: %s", strings.Join(c, "; "))
	}
}
