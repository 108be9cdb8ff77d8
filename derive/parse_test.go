package derive

import (
	"errors"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/paper"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ typed, want string }{
		{"a_prev' @ D_raw @ k", "a_prev' @ D_raw @ k"},
		{"a_prev.T@Δ_raw@k", "a_prev' @ D_raw @ k"},
		{"a_prevᵗ @ Delta_raw @ k", "a_prev' @ D_raw @ k"},
		{"a_{i-1}^T @ ρ", "a_prev' @ rho"},
		{"(a @ b) @ c", "a @ b @ c"},
		{"a @ (b @ c)", "a @ (b @ c)"},
		{"a - (b - c)", "a - (b - c)"},
		{"a + (b + c)", "a + (b + c)"},
		{"(a * b) @ c", "(a * b) @ c"},
		{"a * (b @ c)", "a * (b @ c)"},
		{"a * b @ c", "a * b @ c"},
		{"a ∘ b ⊙ c", "a * b * c"},
		{"a b' ⊖ c", ""},
		{"a @ b' ⊖ c", "rowdot(a @ b', c)"},
		{"A · B + 1", "frob(A, B) + 1"},
		{"-a @ b", "-a @ b"},
		{"-(a @ b)", "-(a @ b)"},
		{"~v'", "~v'"},
		{"(~v)'", "(~v)'"},
		{"~(v')", "~v'"},
		{"-~-v", "-~-v"},
		{"(a + b)'", "(a + b)'"},
		{"np.sum(D, axis=0)", "sum_tokens(D)"},
		{"D.sum(0)", "sum_tokens(D)"},
		{"D.sum(axis=-1, keepdims=True)", "sum_features(D)"},
		{"torch.softmax(G)", "softmax(G)"},
		{"np.matmul(a.T, D)", "a' @ D"},
		{"1e-3 * a + .5 * b", "0.001 * a + 0.5 * b"},
		{"1.e", ""},
		{"dL/dw_q", "dL/dw_q"},
		{"∂L/∂w_q", "dL/dw_q"},
		{"d(rho @ v)", "d(rho @ v)"},
		{"rho[2, 1] * v[t=1]", "rho[2, 1] * v[1]"},
		{"a[:, 2]", "a[:, 2]"},
		{"d * g - ~g where g = D * ~w", "d * (D * ~w) - ~(D * ~w)"},
		{"x where x = y + y, y = z", "z + z"},
		{"āᵗ", "abar'"},
	} {
		e, err := Parse(c.typed)
		if c.want == "" {
			if err == nil {
				t.Errorf("%s is read as %s", c.typed, e)
			}
			continue
		}
		if err != nil || e.String() != c.want {
			t.Errorf("%s is read as %v, %v, want %s", c.typed, e, err, c.want)
		}
	}
}

// TestRefused: what cannot be read is refused at its column, with what to write.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		typed  string
		column int
		says   string
	}{
		{"a_prev' D_raw k", 9, "write @"},
		{"2 a", 3, "write @"},
		{"a (b)", 1, "no function a"},
		{"sum(D)", 1, "sum over what"},
		{"D.sum()", 3, "sum over what"},
		{"np.sum(D, axis=2)", 4, "no axis 2"},
		{"einsum(a, b)", 1, "write the product with @"},
		{"2 * np.einsum('ti,tj->ij', a, b)", 8, "write the product with @"},
		{`\rho^t`, 1, "TeX"},
		{"x ** 2", 3, "no power"},
		{"x^2", 2, "no power"},
		{"D[ids]", 3, "ohe(ids)"},
		{"(a + b", 7, "not closed"},
		{"a + b)", 6, "closes nothing"},
		{"a +", 4, "ends where a value is expected"},
		{"", 1, "nothing is typed"},
		{"a & b", 3, "not part of the language"},
		{"sotfmax(G)", 1, "did you mean softmax"},
		{"rowdot(a)", 1, "takes 2"},
		{"a == b", 1, "without :="},
		{strings.Repeat("(", 300) + "a", 201, "levels within each other"},
		{strings.Repeat("a + ", 1100) + "a", 4001, "at most 4000 characters"},
		{strings.Repeat("a+", 1100) + "a", 1, "names, numbers and operations"},
		{"x where x = " + strings.Repeat("y*", 60) + "y, y = " + strings.Repeat("z+", 60) + "z", 0, "in its places"},
	} {
		_, err := Parse(c.typed)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%.30s: %v", c.typed, err)
			continue
		}
		if c.column > 0 && e.Column != c.column || !strings.Contains(e.Message, c.says) {
			t.Errorf("%.30s: column %d: %s; want column %d, %q", c.typed, e.Column, e.Message, c.column, c.says)
		}
	}
}

// TestRegistryParses: every line of the registry is printed as what it is read from.
func TestRegistryParses(t *testing.T) {
	for _, eq := range paper.Equations {
		if (eq.Expr == nil) == (eq.Prose == "") {
			t.Errorf("(%s): Expr %q and Prose %q: one of them is wanted", eq.Number, eq.Expr, eq.Prose)
		}
		for _, src := range eq.Expr {
			l, err := ParseLine(src)
			if err != nil {
				t.Errorf("(%s): %s: %v", eq.Number, src, err)
				continue
			}
			if len(l.Sides) < 2 {
				t.Errorf("(%s): %s is not an equation", eq.Number, src)
			}
			for _, e := range l.Sides {
				again, err := Parse(e.String())
				if err != nil || !again.same(e) {
					t.Errorf("(%s): %s is printed as %s", eq.Number, src, e)
				}
			}
		}
	}
}

// FuzzParse: nothing that is typed panics, and what is read is printed so that it is read
// as the same tree.
func FuzzParse(f *testing.F) {
	for _, eq := range paper.Equations {
		f.Add(eq.ASCII)
		for _, src := range eq.Expr {
			f.Add(src)
		}
	}
	for _, s := range []string{"a * b @ c / d", "D.sum(axis=-1)", "np.matmul(a.T, D)", "-~-a'", "a[:, 2][1]", "x where x = y", "∂L/∂w_q ⊖ ρ"} {
		f.Add(s)
	}
	scope := FindWorld("head").program().scope
	f.Fuzz(func(t *testing.T, src string) {
		l, err := ParseLine(src)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Column < 1 || e.End <= e.Column || e.Message == "" {
				t.Fatalf("%q: error %#v", src, err)
			}
			return
		}
		for _, e := range l.Sides {
			if len(e.String()) > MaxLength { // Greek letters are longer in ASCII
				continue
			}
			again, err := Parse(e.String())
			if err != nil || !again.same(e) {
				t.Fatalf("%q is printed as %q and read as %v, %v", src, e, again, err)
			}
			scope.readings(e, nil)
		}
	})
}
