package corpus

import (
	"math"
	"strings"
	"testing"
)

// ids are the tokens of text, one a character.
func ids(text string) []int32 {
	ids := make([]int32, len(text))
	for i := range len(text) {
		ids[i] = int32(text[i])
	}
	return ids
}

// TestFloorFromTheBeginning checks that windows which begin with a story need
// nothing else: whatever fits in them, the floor is −ln p of the text, without
// its first character, which is no target.
func TestFloorFromTheBeginning(t *testing.T) {
	g := Stories(AnyDialogue)
	text := g.Text(13, 30_000)
	lp, err := g.LogProb(text)
	if err != nil {
		t.Fatal(err)
	}
	want := -(lp - math.Log(g.Predictor().Read(text[0]))) / float64(len(text)-1)
	starts := Starts(ids(text), ids("\n\n"))
	for _, T := range []int{g.Longest(), 3 * g.Longest(), len(text)} {
		got, err := g.Floor(text, NewSweepAt(ids(text), starts, T))
		if err != nil || math.Abs(got-want) > 1e-11 { // 30,000 logarithms
			t.Errorf("floor in windows of %d is %.12f, −ln p a character %.12f, %v", T, got, want, err)
		}
	}
	if _, err := g.Floor(text, NewSweepAt(ids(text), starts, 64)); err == nil || !strings.Contains(err.Error(), "longer than a window of 64") {
		t.Errorf("windows of 64: %v", err)
	}
}

// TestFloorAnywhere checks what the doc of Floor says about windows that begin
// anywhere: the longer, the lower, and never as low as with all that went before.
func TestFloorAnywhere(t *testing.T) {
	g := Stories(AnyDialogue)
	text := g.Text(13, 30_000)
	lp, err := g.LogProb(text)
	if err != nil {
		t.Fatal(err)
	}
	before := math.Inf(1)
	for _, T := range []int{16, 64, 256, 1024} {
		f, err := g.Floor(text, NewSweep(ids(text), T))
		if err != nil {
			t.Fatal(err)
		}
		if whole := -lp / float64(len(text)); f >= before || f <= whole {
			t.Errorf("floor(%d) = %.4f, of the shorter windows %.4f, of the whole text %.4f", T, f, before, whole)
		}
		before = f
	}
	if _, err := g.Floor(text[:120]+"qqq"+text[123:], NewSweep(ids(text), 64)); err == nil || !strings.Contains(err.Error(), "offset 120") {
		t.Errorf("another text: %v", err)
	}
}

// TestFloorIsAMean takes some windows, and all of them one by one.
func TestFloorIsAMean(t *testing.T) {
	g := Stories(AnyDialogue)
	text := g.Text(13, 250)[:250]
	s := NewSweep(ids(text), 100)
	all, err := g.Floor(text, s)
	if err != nil {
		t.Fatal(err)
	}
	var parts [3]float64
	for i := range parts {
		if parts[i], err = g.Floor(text, s, i); err != nil {
			t.Fatal(err)
		}
	}
	if want := (100*parts[0] + 100*parts[1] + 49*parts[2]) / 249; math.Abs(all-want) > near {
		t.Errorf("all windows %.12f, one by one %.12f", all, want)
	}
}

func BenchmarkFloor(b *testing.B) {
	g := Stories(AnyDialogue)
	text := g.Text(1, 100_000)
	s := NewSweep(ids(text), 128)
	for b.Loop() {
		if _, err := g.Floor(text, s); err != nil {
			b.Fatal(err)
		}
	}
}
