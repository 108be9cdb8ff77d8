package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/generate"
)

func TestWrite(t *testing.T) {
	var out strings.Builder
	err := write(t.Context(), filepath.Join("..", "..", "testdata", "transformers", "chat"), "Who", generate.Sampling{MaxTokens: 5}, &out)
	if err != nil || out.Len() < 2 {
		t.Errorf("it prints %q, %v", out.String(), err)
	}
}
