package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/studio"
)

// A run, one checkpoint of it, and the same network as a directory of Hugging Face are opened
// with the same loss; a run of an adapter is opened as base and adapter merged.
func TestStudioModels(t *testing.T) {
	dir := t.TempDir()
	a, hf := filepath.Join(dir, "a"), filepath.Join(dir, "hf")
	for _, args := range []string{
		"train --preset tiny --steps 20 --eval-every 10 --story-chars 20000 --tokenizer bytes --width 16 --out " + a,
		"export " + a + " --format hf --out " + hf,
	} {
		if code := run(strings.Fields(args), io.Discard, io.Discard); code != 0 {
			t.Fatalf("%s: exit code %d", args, code)
		}
	}
	text := "One day Ada."
	loss := 0.0
	for _, args := range [][]string{{a, text}, {filepath.Join(a, "step-000020"), text}, {hf, text}} {
		var notes strings.Builder
		m, err := studioModel(t.Context(), args, true, &notes)
		if err != nil {
			t.Fatalf("%s: %v", args, err)
		}
		core := studio.Core{More: []*studio.Model{m}}
		s, err := core.Session(studio.State{Model: m.Name})
		if err != nil {
			t.Fatal(err)
		}
		if loss == 0 {
			loss = s.Loss
		}
		if n := len(m.Tokens); s.Loss != loss || n < len(text) || notes.Len() > 0 || m.Words[m.Tokens[n-1]] != "." {
			t.Errorf("%s: %q, %d tokens, loss %g, before %g; %s", args, m.Title, n, s.Loss, loss, notes.String())
		}
	}
	var notes strings.Builder
	if m, err := studioModel(t.Context(), []string{a, strings.Repeat(text, 9)}, false, &notes); err != nil || len(m.Tokens) != 32 || !strings.Contains(notes.String(), "first 32 tokens") {
		t.Errorf("a long text: %v, %q", err, notes.String())
	}
	if m, err := studioModel(t.Context(), []string{a}, false, &notes); err != nil || !strings.HasPrefix(m.Title, "a, step ") {
		t.Errorf("its own text: %+v, %v", m, err)
	}
}
