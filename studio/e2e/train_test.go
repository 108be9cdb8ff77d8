package e2e

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/studio"
	"github.com/pedestrian-ml/pedestrian/studio/live"
)

func init() { screens = append(screens, "#/train?v=1&model=story&step=30") }

// A training is started and paused by key, goes back to a snapshot, takes another learning rate
// from there, and its step is open on every screen, with Go's bits.
func TestTrain(t *testing.T) {
	p := open(t, serve(t), "#/train")
	p.wait("location.hash === '#/train?v=1&model=story' && !!document.querySelector('#curve svg')")
	p.keys("n")
	p.wait("location.hash.includes('step=1') && document.querySelector('#reading').textContent.includes('Step 1:')")
	p.keys("s")
	p.wait("Number(/step=(\\d+)/.exec(location.hash)[1]) >= 25")
	p.keys("s")
	p.wait("document.querySelector('[data-k=run]').textContent === 'Go on' && document.documentElement.dataset.ready === location.hash")
	step := eval[string](p, "/step=(\\d+)/.exec(location.hash)[1]")
	still := eval[bool](p, "new Promise(done => { const was = location.hash; setTimeout(() => done(location.hash === was), 700); })")
	if !still {
		t.Errorf("it goes on after step %s, where it was paused", step)
	}
	eval[bool](p, "(document.querySelector('[data-k=snap20]').click(), true)")
	p.wait("location.hash.includes('step=20') && document.querySelector('#at').textContent.startsWith('step 20')")
	eval[bool](p, "(() => { const r = document.querySelector('[data-k=rate]'); r.value = '0.03'; r.dispatchEvent(new Event('change')); return true; })()")
	p.wait("location.hash.includes('rates=0:0.003,20:0.03') && document.documentElement.dataset.ready === location.hash")
	p.keys("n")
	p.wait("location.hash.includes('step=21') && document.documentElement.dataset.ready === location.hash")

	core, err := live.NewCore()
	if err != nil {
		t.Fatal(err)
	}
	rates := []studio.Rate{{From: 0, Rate: 0.003}, {From: 20, Rate: 0.03}}
	s, err := core.Session(studio.State{Model: live.Story, Step: 21, Rates: rates})
	if err != nil {
		t.Fatal(err)
	}
	p.to("#/cell/L/1,1?v=1&model=story&step=21&rates=0:0.003,20:0.03")
	shown := strings.Replace(eval[string](p, "document.querySelector('.cellvalue').textContent"), "−", "-", 1)
	if x, err := strconv.ParseFloat(shown, 64); err != nil || math.Float64bits(x) != math.Float64bits(s.Loss) {
		t.Errorf("the loss of step 21 is %s on the page, %v in Go", shown, s.Loss)
	}
	if c := p.complaints(); len(c) > 0 {
		t.Errorf("the page complained: %s", strings.Join(c, "; "))
	}
}
