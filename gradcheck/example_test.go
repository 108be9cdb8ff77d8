package gradcheck_test

import (
	"context"
	"fmt"

	"github.com/pedestrian-ml/pedestrian/gradcheck"
)

// The error measure of finite differences. Above the floor it is relative:
// |3 - 1| over 3 + 1. Below it is absolute, in units of the floor.
func ExampleRelative() {
	fmt.Println(gradcheck.Relative(3, 1, 1e-4))
	fmt.Println(gradcheck.Relative(0.25, 0.125, 4))
	// Output:
	// 0.5
	// 0.03125
}

// The key biases of the paper's own configuration: 2 heads of 16, whose gradient
// is zero whatever the numbers (29).
func ExampleRun() {
	r, err := gradcheck.Run(context.Background(), gradcheck.Paper(), gradcheck.Options{Only: "b_k"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, row := range r.Parameters {
		fmt.Println(row.Name, row.Largest, row.How)
	}
	fmt.Println(r.Checked, "of", r.Total, r.Pass)
	// Output:
	// b_k head 1 0 exact null direction (29)
	// b_k head 0 0 exact null direction (29)
	// 32 of 32 true
}
