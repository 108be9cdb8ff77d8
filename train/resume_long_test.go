//go:build long

package train

import (
	"fmt"
	"path/filepath"
	"testing"
)

// Stopped once, after each of the steps 1 … 59 of 60, and resumed in another process
// with another number of threads, a run ends as if it had not been, in every mode.
func TestResumeAtEveryStep(t *testing.T) {
	l := newLab(t)
	for _, mode := range []string{"full", "dropout", "accumulate", "all", "adapter", "adapter-all"} {
		whole := filepath.Join(t.TempDir(), "whole")
		l.run(t, whole, mode, 2, 0)
		want := outcome(t, whole)
		for k := 1; k <= 59; k++ {
			t.Run(fmt.Sprint(mode, k), func(t *testing.T) {
				t.Parallel()
				cut := filepath.Join(t.TempDir(), "cut")
				l.run(t, cut, mode, 1, k)
				l.run(t, cut, mode, 8, 0)
				same(t, fmt.Sprintf("%s, stopped after step %d", mode, k), outcome(t, cut), want)
			})
		}
	}
}
