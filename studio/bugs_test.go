package studio

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// A bug is hunted by requests: what is seen is what a pass with that bug, made anew, has.
func TestBugs(t *testing.T) {
	var c Core
	all, _ := ask[struct{ Bugs []planted }](t, &c, `{"op":"bugs"}`)
	if len(all.Bugs) != 48 || all.Bugs[0].ID != "M1" || all.Bugs[47].ID != "M48" {
		t.Fatalf("%d bugs", len(all.Bugs))
	}
	// M1 forgets 1/√d_ρ: Δ^raw is the Δ^scaled of the clean pass.
	b, _ := ask[bugToFind](t, &c, `{"op":"bug","id":"1"}`)
	failed := map[string]int{}
	for _, r := range append(b.Signals, b.Gradients...) {
		if r.MathML == "" {
			t.Errorf("%s is not typeset", r.Name)
		}
		if r.Failed > 0 {
			failed[r.Name] = r.Failed
		}
	}
	if b.Number != 1 || b.Of != 48 || b.Case != "relu" || *b.Loss != *b.Equations || failed["Δ^raw"] == 0 || failed["Δ_12"] != 0 || failed["Δ_5"] != 0 || b.Hints < 2 {
		t.Errorf("bug 1: %+v", failed)
	}
	clean, _ := gradcheck.Find("relu")
	p := clean.At(1, 10*gradcheck.DefaultStep)
	tr := &paper.Trace{}
	_, back := paper.Network(tr, p.Params, p.LoRA, p.Batch, p.Reduction)
	back()
	scaled, ok := tr.Find("seq.0.block.0.head.0", "Δ^scaled")
	if !ok {
		t.Fatal("no Δ^scaled")
	}
	n, _ := ask[askedNumber](t, &c, `{"op":"number","id":"1","name":"D_raw","i":3,"j":1}`)
	root := math.Sqrt(float64(p.Config.QueryDim()))
	if want := scaled.V.At(2, 0); math.Abs(*n.Value-want) > 1e-14 || math.Abs(*n.Slope-want/root) > 1e-8 || !n.Is || n.Kink {
		t.Errorf("Δ^raw[3, 1] is %g with slope %g, want %g and %g", *n.Value, *n.Slope, want, want/root)
	}
	for answer, want := range map[string]string{"28": "right", "D_raw": "right", "27": "wrong", "T2": "refused", "<b>": "refused"} {
		q, _ := json.Marshal(answer)
		j, _ := ask[gradcheck.Judgement](t, &c, `{"op":"judge","id":"1","answer":`+string(q)+`}`)
		if j.Status != want || j.Message == "" {
			t.Errorf("%s: %+v", answer, j)
		}
	}
	m, _ := ask[planted](t, &c, `{"op":"planted","id":"1"}`)
	rows := 0
	for _, f := range failed {
		rows += f
	}
	if !m.Caught || m.ID != "M1" || len(m.Rows) != rows || m.Right == 0 {
		t.Errorf("%+v, and %d rows fail", m, rows)
	}
	if h, _ := ask[struct{ Hint string }](t, &c, `{"op":"clue","id":"1","hint":0}`); !strings.Contains(h.Hint, "forward pass is right") {
		t.Errorf("hint %q", h.Hint)
	}
	if s, _ := ask[struct{ Solution string }](t, &c, `{"op":"solution","id":"1"}`); !strings.HasPrefix(s.Solution, "(28) Δ^raw") {
		t.Errorf("solution %q", s.Solution)
	}
	// What is shown of a bug does not say which it is.
	for n := 1; n <= 3; n++ {
		text, _ := c.Handle([]byte(fmt.Sprintf(`{"op":"bug","id":"%d"}`, n)))
		header, _, err := Decode(text)
		if err != nil || strings.Contains(string(header), all.Bugs[n-1].Title) || strings.Contains(string(header), all.Bugs[n-1].Where) {
			t.Errorf("bug %d gives itself away, %v", n, err)
		}
		for _, l := range b.Lines {
			if l.MathML == "" {
				t.Errorf("%s is not typeset", l.Name)
			}
		}
	}
	for _, r := range []string{`{"op":"bug","id":"0"}`, `{"op":"bug","id":"49"}`, `{"op":"bug","id":"x"}`, `{"op":"bug"}`, `{"op":"clue","id":"1","hint":9}`, `{"op":"number","id":"1","name":"nosuch","i":1,"j":1}`, `{"op":"number","id":"1","name":"D_raw","i":100,"j":1}`, `{"op":"judge","id":"-1","answer":"28"}`} {
		if b, ok := c.Handle([]byte(r)); ok {
			t.Errorf("%s is answered: %.200q", r, b)
		}
	}
}

// An identity that a bug breaks is named, and so is the case of another family.
func TestBugsOfTheLlamaFamily(t *testing.T) {
	var c Core
	b, _ := ask[bugToFind](t, &c, `{"op":"bug","id":"43"}`)
	for _, r := range append(b.Signals, b.Gradients...) {
		if r.MathML == "" {
			t.Errorf("%s is not typeset", r.Name)
		}
	}
	if len(b.Laws) == 0 || b.Laws[0].Title == "" {
		t.Errorf("bug 43: %+v", b.Laws)
	}
	for _, l := range b.Lines {
		if l.MathML == "" {
			t.Errorf("%s is not typeset", l.Name)
		}
	}
}
