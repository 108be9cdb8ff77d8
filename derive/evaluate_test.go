package derive_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/derive"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// ExampleEvaluate: the dot of two matrices, and its form as a trace.
func ExampleEvaluate() {
	names := map[string]paper.Mat{
		"A": {N: 2, D: 2, V: []float64{1, 2, 3, 4}},
		"B": {N: 2, D: 2, V: []float64{5, 6, 7, 8}},
	}
	for _, f := range []string{"frob(A, B)", "A' @ B", "tr(A' @ B)"} {
		v, err := derive.Evaluate(f, names)
		fmt.Println(f, v.V, err)
	}
	// Output:
	// frob(A, B) [70] <nil>
	// A' @ B [26 30 38 44] <nil>
	// tr(A' @ B) [70] <nil>
}

// TestEvaluateShapes: vectors keep their orientation, and what has no shape is an error.
func TestEvaluateShapes(t *testing.T) {
	names := map[string]paper.Mat{
		"A": {N: 2, D: 3, V: []float64{1, 2, 3, 4, 5, 6}},
		"b": {N: 1, D: 3, V: []float64{10, 20, 30}},
		"c": {N: 2, D: 1, V: []float64{100, 200}},
		"s": {N: 1, D: 1, V: []float64{2}},
	}
	for f, want := range map[string]string{
		"A + ~b": "2×3 [11 22 33 14 25 36]", "A * ~c": "2×3 [100 200 300 800 1000 1200]", "sum_tokens(A)": "1×3 [5 7 9]",
		"sum_features(A)": "2×1 [6 15]", "s * A'": "3×2 [2 8 4 10 6 12]", "A[2, 3]": "1×1 [6]",
	} {
		v, err := derive.Evaluate(f, names)
		if have := fmt.Sprintf("%d×%d %v", v.N, v.D, v.V); err != nil || have != want {
			t.Errorf("%s is %s, %v; want %s", f, have, err, want)
		}
	}
	for f, says := range map[string]string{"A @ A": "@", "A + b": "repeat", "A @": "", "x": "x"} {
		if _, err := derive.Evaluate(f, names); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", f, err)
		}
	}
}
