package derive_test

import (
	"fmt"
	"strings"

	"github.com/pedestrian-ml/pedestrian/derive"
)

func ExampleExercise_Grade() {
	x := derive.FindExercise("w_q")
	for _, answer := range []string{"a_prev' @ D_raw @ k", "a_prev' @ D_raw @ q", "a_prev' @ D_causal @ k", "a_prev @ D_raw @ k"} {
		v := x.Grade(answer)
		fmt.Printf("%s, column %d: %s\n", v.Status, v.Column, v.Message)
	}
	// Output:
	// right, column 0: Right.
	// wrong, column 19: k belongs in the place of q.
	// wrong, column 11: Only a factor is wrong: it is sqrt(d_rho) times the gradient (1.414 at the first point); D_raw belongs in the place of D_causal.
	// refused, column 8: a_prev is T×d (5×7), and D_raw is T×T (5×5): @ needs as many columns on its left as rows on its right, and d is not T; a_prev must be transposed.
}

func ExampleDerivation_Check() {
	d, err := derive.ParseDerivation(`
world head
frob(D, d(rho @ v)) == frob(D @ v', d(rho)) + frob(rho' @ D, d(v))
frob(D, d(rho @ v)) == frob(D @ v', d(rho)) + frob(rho @ D, d(v))
`)
	if err != nil {
		panic(err)
	}
	for _, l := range d.Check() {
		fmt.Println(strings.TrimSpace(fmt.Sprintf("%d: %s %s", l.Line, l.Status, l.Message)))
	}
	// Output:
	// 1: right
	// 2: wrong False: at T = 5, d = 7, d_rho = 2, d_h = 8 the left is 23.43 and the right 17.98. On the right, rho must be transposed.
}

func ExampleParse() {
	e, err := derive.Parse("(Δ @ vᵗ - ~(Δ @ vᵗ ⊖ ρ)) ∘ ρ")
	if err != nil {
		panic(err)
	}
	fmt.Println(e)
	fmt.Println(e.TeX())
	fmt.Println(len(e.MathML()) > 0)
	numpy, err := derive.FindExercise("d_causal").Scope().As(e, derive.NumPy)
	fmt.Println(numpy, err)
	// Output:
	// (D @ v' - ~rowdot(D @ v', rho)) * rho
	// \left(\Delta\,{v}^t-\widetilde{\left(\Delta\,{v}^t\ominus \rho\right)}\right)\circ \rho
	// true
	// (D @ v.T - np.broadcast_to(np.sum(D @ v.T * rho, axis=1)[:, None], (n_T, n_T))) * rho <nil>
}

func ExampleExercise_Instance() {
	in := derive.FindExercise("w_q").Instance(0)
	k, ok := in.Value("k")
	fmt.Println(in.Size("T"), in.Size("d_rho"), k.N, k.D, ok)
	// Output: 5 2 5 2 true
}
