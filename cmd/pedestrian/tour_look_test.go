package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/train"
)

// The tour shows ρ beside the error on its scores, and says before both what is differentiated;
// its three ways to one gradient agree.
func TestTourLooks(t *testing.T) {
	dir := t.TempDir() + "/run"
	r := aRun(t, dir)
	if _, err := r.Train(t.Context(), train.Observer{}); err != nil {
		t.Fatal(err)
	}
	c, _, err := train.LoadBest(dir)
	if err != nil {
		t.Fatal(err)
	}
	d, err := train.LoadData(c.Options)
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLook(c, d)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	show := &tour{w: &out, threads: 1}
	if err := l.attention(show); err != nil {
		t.Fatal(err)
	}
	l.gradient(show)
	text := out.String()
	said, drawn := strings.Index(text, "the mean of the losses"), strings.Index(text, "Δ_causal (25)")
	if said < 0 || drawn < said {
		t.Errorf("what is differentiated is said at %d, the error drawn at %d:\n%s", said, drawn, text)
	}
	for line := range strings.SplitSeq(text[drawn:], "\n") {
		if columns(line) > 80 {
			t.Errorf("%d columns: %s", columns(line), line)
		}
	}
	var ways []string
	for line := range strings.SplitSeq(text, "\n") {
		if at := strings.LastIndexAny(line, "+-"); strings.HasPrefix(line, "    ") && at > 20 {
			ways = append(ways, line[at:])
		}
	}
	if len(ways) != 3 || ways[0][:7] != ways[1][:7] || ways[0][:7] != ways[2][:7] {
		t.Errorf("three ways to one gradient: %q", ways)
	}
}
