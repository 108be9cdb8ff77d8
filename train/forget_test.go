package train

import (
	"slices"
	"testing"
)

// TestForgetsTheBeginning: of a window that is full the end stays.
func TestForgetsTheBeginning(t *testing.T) {
	w := &Writer{context: 5}
	if got := w.forget([]int32{1, 2, 3, 4, 5, 6}, 3); !slices.Equal(got, []int32{4, 5, 6}) {
		t.Errorf("%v are left", got)
	}
}
