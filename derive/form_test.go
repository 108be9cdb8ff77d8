package derive

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	goparser "go/parser"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/paper"
)

var dump = flag.String("dump", "", "write formulas with the numbers of an instance to this file, for testdata/forms.py")

// TestForms: how the accepted answers are written in TeX, NumPy and Go. NumPy's and ours have
// the same values: testdata/forms.py says so.
func TestForms(t *testing.T) {
	const path = "testdata/forms.txt"
	type sample struct {
		Exercise, NumPy string
		Values          map[string]paper.Mat
		Sizes           map[string]int
		Want            paper.Mat
	}
	var out strings.Builder
	var samples []sample
	for _, x := range Exercises {
		for _, a := range x.Accepted {
			if x.Template != "" {
				continue
			}
			out.WriteString(x.ID + "\t" + a)
			for _, f := range []Form{TeX, NumPy, Go} {
				text, err := x.As(a, f)
				var e *Error
				switch {
				case errors.As(err, &e) && f == Go && e.ID == "form":
					text = "- " + e.Message
				case err != nil:
					t.Errorf("%s: %s as %s: %v", x.ID, a, f, err)
				case f == Go:
					if _, err := goparser.ParseExpr(text); err != nil {
						t.Errorf("%s: %s in Go is %s: %v", x.ID, a, text, err)
					}
				case f == TeX:
					if strings.Count(text, "{") != strings.Count(text, "}") || strings.Count(text, `\left`) != strings.Count(text, `\right`) {
						t.Errorf("%s: %s in TeX is %s", x.ID, a, text)
					}
				}
				out.WriteString("\t" + text)
				if f == NumPy {
					p := x.grader().points[0]
					samples = append(samples, sample{x.ID, text, p.in.values, p.in.sizes, p.truth})
				}
			}
			out.WriteString("\n")
			m, err := x.As(a, MathML)
			for d := xml.NewDecoder(strings.NewReader(m)); err == nil; {
				_, err = d.Token()
			}
			if err != io.EOF {
				t.Errorf("%s: %s as MathML is %s: %v", x.ID, a, m, err)
			}
		}
	}
	if *dump != "" {
		for _, s := range samples {
			delete(s.Values, "m") // -∞ is not JSON
			delete(s.Values, "rho_causal")
		}
		b, err := json.Marshal(samples)
		if err == nil {
			err = os.WriteFile(*dump, b, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	old, _ := os.ReadFile(path)
	if string(old) == out.String() {
		return
	}
	if *update {
		if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s is not what the forms are now; with -update it is written anew", path)
}

// TestGoForm: the Go of a formula, written out by hand from it, has its value.
func TestGoForm(t *testing.T) {
	x := FindExercise("d_causal")
	text, err := x.As(x.Accepted[0], Go)
	if want := "D.Mul(v.T()).Sub(paper.Cols(D.Mul(v.T()).FeatureDot(rho), nT)).Had(rho)"; err != nil || text != want {
		t.Fatalf("%s, %v; want %s", text, err, want)
	}
	in := x.grader().points[0].in
	D, v, rho, nT := in.values["D"], in.values["v"], in.values["rho"], in.sizes["T"]
	have := D.Mul(v.T()).Sub(paper.Cols(D.Mul(v.T()).FeatureDot(rho), nT)).Had(rho)
	if r, _ := x.grader().points[0].residue(have, largest(have)); r > exact {
		t.Errorf("it is %g from the truth", r)
	}
}
