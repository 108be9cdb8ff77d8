package gradcheck

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// all are the hunts for every bug, which are differentiated once.
var all []*Hunt

func hunts(t *testing.T) []*Hunt {
	t.Helper()
	for n := len(all) + 1; n <= Hunts(); n++ {
		host, err := planted.of(context.Background(), bugs[n-1].host, planting)
		if err != nil {
			t.Fatal(err)
		}
		h, err := host.hunt(context.Background(), n)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, h)
	}
	return all
}

// TestHunts: every bug can be found by its line, is seen in some row or identity, and no
// other line is taken for it; each wrong answer has a reason. What must be named is written
// out here for some.
func TestHunts(t *testing.T) {
	want := map[int][]string{1: {"28", "Δ^raw", "D_raw", "28 D_raw"}, 4: {"31.a", "31.b", "dw_q", "w_q head 1"}, 5: {"Δ_5", "T2 D_5"}, 7: {"40", "(40)", "40 D_{i-1}"}, 10: {"36", "sigma"},
		14: {"3", "w_tok", "T3 dL/dw_tok"}, 18: {"FC+LoRA"}, 25: {"D_12", "delta12"}, 42: {"L20", "13"}, 43: {"L21"}, 48: {"L12", "L22 dL/db_k", "b_k"}}
	wrong := map[int]map[string]string{1: {"27": "agrees with differences", "30.a": "wrong already", "12": "forward pass is right", "T2": "", "Δ_{i-1}": ""}, 10: {"40": "The forward pass is what differs", "4": "wrong already", "2": "are right"}, 43: {"L9": "Every number"}}
	for n := 1; n <= Hunts(); n++ {
		h := hunts(t)[n-1]
		failed := len(h.Laws)
		for _, r := range slices.Concat(h.Signals, h.Parameters) {
			if !r.OK {
				failed++
			}
		}
		if failed == 0 || len(h.Hints) < 2 {
			t.Errorf("bug %d: %d rows and identities fail, hints %q", n, failed, h.Hints)
		}
		if len(h.answers()) == 0 || len(h.truth) == 0 && n != 43 {
			t.Errorf("bug %d rewrites %v, answers %q", n, h.truth, h.answers())
		}
		for _, a := range append(h.answers(), want[n]...) {
			if j := h.Judge(a); j.Status != "right" || !strings.Contains(j.Message, fmt.Sprint("M", n)) {
				t.Errorf("bug %d: %q is %s: %s", n, a, j.Status, j.Message)
			}
		}
		for _, l := range h.Lines {
			a := strings.TrimSpace(l.Eq + " " + l.Name)
			j := h.Judge(a)
			truth := slices.ContainsFunc(h.truth, func(k Line) bool { return k.Eq == l.Eq && k.Name == l.Name })
			if l.Eq == "" && j.Status == "refused" { // also the name of a line with a number
				continue
			}
			if (j.Status == "right") != truth || j.Message == "" || j.Status == "refused" {
				t.Errorf("bug %d: %q is %s, and it is the line: %v: %s", n, a, j.Status, truth, j.Message)
			}
		}
		for a, part := range wrong[n] {
			j := h.Judge(a)
			if s := map[bool]string{true: "refused", false: "wrong"}[part == ""]; j.Status != s || !strings.Contains(j.Message, part) {
				t.Errorf("bug %d: %q is %s: %s", n, a, j.Status, j.Message)
			}
		}
	}
	for _, n := range []int{0, 49} {
		if _, err := NewHunt(context.Background(), n); err == nil {
			t.Errorf("there is a bug %d", n)
		}
	}
}

// TestCells: differences say of a right number what it is, and of a wrong one another.
func TestCells(t *testing.T) {
	h := hunts(t)[0]
	root := math.Sqrt(float64(h.Case.Config.QueryDim()))
	for _, c := range []struct {
		name, at string
		times    float64
	}{{"D_raw", "head.1", root}, {"Δ^scaled head 2", "", 1}, {"w_q head 0", "", root}, {"Δ_12", "", 1}, {"b_11", "", 1}} {
		row := 3
		if strings.HasPrefix(c.name, "b_") {
			row = 1
		}
		cell, err := h.Cell(c.name, c.at, row, 1)
		if err != nil {
			t.Fatal(err)
		}
		if !cell.Is() || math.Abs(float64(cell.Value)-c.times*float64(cell.Slope)) > 1e-7 || cell.Value == 0 || !strings.Contains(cell.At, c.at) {
			t.Errorf("%+v: want a value %v times the slope", cell, c.times)
		}
	}
	if c, err := h.Cell("a_7", "", 1, 3); err != nil || c.Is() || c.Value != Number(h.clean.at("seq.0.block.0", "a_7").At(0, 2)) {
		t.Errorf("a_7: %+v, %v", c, err)
	}
	for _, bad := range []struct {
		name     string
		row, col int
		want     string
	}{{"Δ_99", 1, 1, "there is no Δ_99"}, {"D_raw", 9, 1, "it has no number [9, 1]"}, {"w_q head 0", 0, 1, "it has no number [0, 1]"}} {
		if _, err := h.Cell(bad.name, "", bad.row, bad.col); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

// A hunter makes the hunt that NewHunt makes, once, and keeps a few.
func TestHunter(t *testing.T) {
	var k Hunter
	for _, n := range []int{1, 2, 26, 1} {
		h, err := k.Hunt(context.Background(), n)
		if err != nil {
			t.Fatal(err)
		}
		of := hunts(t)[n-1]
		if h.Number != n || h.Loss != of.Loss || h.Solution() != of.Solution() || h.Mutant().ID != fmt.Sprint("M", n) {
			t.Errorf("bug %d: %s, loss %v", n, h.Solution(), h.Loss)
		}
		if again, err := k.Hunt(context.Background(), n); err != nil || again != h {
			t.Errorf("bug %d is planted anew: %v", n, err)
		}
	}
	if len(k.kept) != 3 || k.kept[2].Number != 1 {
		t.Errorf("%d hunts are kept", len(k.kept))
	}
}

// Rows of one name are one row, which is the first that fails.
func TestJoin(t *testing.T) {
	rows := []Row{{Name: "Δ_q head 0", Shape: "a", OK: true}, {Name: "Δ_5", OK: true}, {Name: "Δ_q head 1", Shape: "b"}, {Name: "Δ_q head 2", Shape: "c"}, {Name: "w_q head 0 (31.a)", OK: true}}
	all := Join(rows)
	if len(all) != 3 {
		t.Fatalf("%d rows", len(all))
	}
	if q := all[0]; q.Name != "Δ_q" || q.Shape != "b" || q.Places != 3 || q.Failed != 2 || q.OK {
		t.Errorf("%+v", q)
	}
	if d := all[1]; d.Name != "Δ_5" || d.Places != 1 || d.Failed != 0 || !d.OK {
		t.Errorf("%+v", d)
	}
	if w := all[2]; w.Name != "w_q head 0 (31.a)" || w.Places != 1 {
		t.Errorf("%+v", w)
	}
	if rows[0].Name != "Δ_q head 0" {
		t.Error("the rows were changed")
	}
}
