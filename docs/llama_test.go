package docs_test

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// TestLlamaTable recomputes the counts of chapter 9's table from its other columns.
func TestLlamaTable(t *testing.T) {
	row := regexp.MustCompile(`(?m)^\| (\S+) \| (\d+), (\d+), (\d+), (\d+) \| (\d+):(\d+), (\d+) \| (.*?) ?\| ([0-9,]+) \| ([0-9,]+) \|$`)
	rows := row.FindAllStringSubmatch(chapters(t)["09-llama.md"], -1)
	if len(rows) != 7 {
		t.Fatalf("%d rows of 7", len(rows))
	}
	for _, m := range rows {
		var x [7]int
		for i := range x {
			x[i], _ = strconv.Atoi(m[i+2])
		}
		vocab, d, f, blocks, heads, kv, dh := x[0], x[1], x[2], x[3], x[4], x[5], x[6]
		n := 2*vocab*d + blocks*(2*d*heads*dh+2*d*kv*dh+3*d*f+2*d) + d
		if strings.Contains(m[9], "tied") {
			n -= vocab * d
		}
		if strings.Contains(m[9], "biases") {
			n += blocks * (heads + 2*kv) * dh
		}
		if strings.Contains(m[9], "norms") {
			n += blocks * 2 * dh
		}
		lora := blocks * 16 * (2*(d+heads*dh) + 2*(d+kv*dh) + 3*(d+f))
		if grouped(n) != m[10] || grouped(lora) != m[11] {
			t.Errorf("%s: %s parameters and %s of LoRA, the chapter has %s and %s", m[1], grouped(n), grouped(lora), m[10], m[11])
		}
	}
}

// TestSiLUFigures: the lowest point and the slopes that chapter 9 quotes.
func TestSiLUFigures(t *testing.T) {
	low, at, least, most := 0.0, 0.0, 1.0, 0.0
	for i := -80000; i <= 80000; i++ {
		z := float64(i) / 1e4
		s := 1 / (1 + math.Exp(-z))
		if z*s < low {
			low, at = z*s, z
		}
		slope := s * (1 + z*(1-s))
		least, most = min(least, slope), max(most, slope)
	}
	text := chapters(t)["09-llama.md"]
	for _, f := range []string{fmt.Sprintf("falls to $%.6f$ at $z=%.4f$", low, at), fmt.Sprintf("between $%.4f$ and $%.4f$", least, most)} {
		if !strings.Contains(text, f) {
			t.Errorf("09-llama.md does not say %q", f)
		}
	}
}

// TestLlamaByHand: the token (3, 4) and the quarter turn of chapter 9.
func TestLlamaByHand(t *testing.T) {
	size := math.Sqrt(12.5)
	a, back := paper.RMSNorm(nil, mat(1, 2, 3, 4), paper.Vec{1, 1}, 0)
	Δ, _ := back(mat(1, 2, 1, 0))
	same(t, "ā", a.V, []float64{3 / size, 4 / size})
	same(t, "Δ_{i-1}", Δ.V, []float64{0.64 / size, -0.48 / size})
	same(t, "Δ_{i-1} · a", []float64{Δ.Dot(mat(1, 2, 3, 4))}, []float64{0})

	b, turnBack := paper.Rotate(nil, mat(1, 2, 1, 0), []int{1}, paper.Rotation{Freqs: paper.Vec{math.Pi / 2}})
	same(t, "(1, 0) turned", b.V, []float64{0, 1})
	same(t, "(0, 1) turned back", turnBack(mat(1, 2, 0, 1)).V, []float64{1, 0})
}
