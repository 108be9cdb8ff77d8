package main

import (
	"path/filepath"
	"testing"

	"github.com/pedestrian-ml/pedestrian/hub"
	"github.com/pedestrian-ml/pedestrian/model"
)

func TestAdapt(t *testing.T) {
	base, out := filepath.Join("..", "..", "testdata", "transformers", "chat"), filepath.Join(t.TempDir(), "lora")
	if err := adapt(t.Context(), base, out, 4); err != nil {
		t.Fatal(err)
	}
	m, err := model.Open(t.Context(), base, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a, err := hub.LoadAdapter(out, m.Params)
	if err != nil || a.Config.Rank != 4 || a.BaseSHA256 != m.Digest() {
		t.Fatal(a, err)
	}
	beside, err := model.Open(t.Context(), base, model.Options{Adapter: out})
	if err != nil {
		t.Fatal(err)
	}
	if merged, err := beside.Merge(nil); err != nil || merged.Unchanged {
		t.Errorf("the adapter that was written does nothing: %v", err)
	}
}
