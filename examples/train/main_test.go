package main

import (
	"strings"
	"testing"
)

func TestLearn(t *testing.T) {
	var out strings.Builder
	if err := learn(t.Context(), strings.Repeat("One day a hen met a fox.\n", 200), 20, &out); err != nil {
		t.Fatal(err)
	}
	if s := out.String(); !strings.Contains(s, "step  20  validation loss ") || strings.Count(s, "\n") < 11 || !strings.Contains(s, "\nOne day") {
		t.Errorf("it prints %q", s)
	}
}
