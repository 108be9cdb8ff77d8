package studio

import (
	"encoding/xml"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/docs"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// wellFormed fails unless s is one XML element and has no inline style.
func wellFormed(t *testing.T, where, s string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(s))
	d.Entity = xml.HTMLEntity
	for {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("%s: %v in %s", where, err, s)
		}
	}
	if strings.Contains(s, "style=") {
		t.Errorf("%s has an inline style: %s", where, s)
	}
}

func TestEveryEquationIsTypeset(t *testing.T) {
	tildes := 0
	for _, e := range paper.Equations {
		m, err := displayML(e.TeX)
		if err != nil {
			t.Errorf("(%s): %v", e.Number, err)
			continue
		}
		wellFormed(t, e.Number, m)
		if n := strings.Count(e.TeX, `\widetilde`) + strings.Count(e.TeX, `\tilde`); n > 0 {
			if tildes++; strings.Count(m, `class="wide-tilde"`) != n {
				t.Errorf("(%s): %d tildes in TeX, others in %s", e.Number, n, m)
			}
		}
	}
	if tildes < 17 {
		t.Errorf("%d equations have a tilde, there were 17", tildes)
	}
}

// formulas finds the mathematics of a chapter, outside of its code.
var (
	code     = regexp.MustCompile("(?s)```[a-z]* ?.*?\n```|`[^`\n]*`")
	fenced   = regexp.MustCompile("(?s)```math\n(.*?)\n```")
	formulas = regexp.MustCompile(`(?s)\$\$(.+?)\$\$|\$([^$\n]+)\$`)
)

func TestEveryFormulaOfTheDocsIsTypeset(t *testing.T) {
	files, err := docs.Files.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range files {
		b, err := docs.Files.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		try := func(tex string) {
			n++
			m, err := mathML(tex)
			if err != nil {
				t.Errorf("%s: %v", f.Name(), err)
				return
			}
			wellFormed(t, f.Name(), m)
		}
		text := string(b)
		for _, m := range fenced.FindAllStringSubmatch(text, -1) {
			try(m[1])
		}
		for _, m := range formulas.FindAllStringSubmatch(code.ReplaceAllString(text, ""), -1) {
			try(m[1] + m[2])
		}
	}
	if n < 1000 {
		t.Errorf("only %d formulas were found", n)
	}
}

func TestTeX(t *testing.T) {
	for _, c := range []struct{ tex, want string }{
		{`a_i`, `<math><msub><mi>a</mi><mi>i</mi></msub></math>`},
		{`\Delta_{i-1}^h`, `<math><msubsup><mi mathvariant="normal">Δ</mi><mrow><mi>i</mi><mo>−</mo><mn>1</mn></mrow><mi>h</mi></msubsup></math>`},
		{`\frac{1}{\sqrt{d}}`, `<math><mfrac><mn>1</mn><msqrt><mi>d</mi></msqrt></mfrac></math>`},
		{`\tfrac12x`, `<math><mrow><mfrac><mn>1</mn><mn>2</mn></mfrac><mi>x</mi></mrow></math>`},
		{`x^10`, `<math><mrow><msup><mi>x</mi><mn>1</mn></msup><mn>0</mn></mrow></math>`},
		{`k_j'^t`, `<math><msubsup><mi>k</mi><mi>j</mi><mrow><mo>′</mo><mi>t</mi></mrow></msubsup></math>`},
		{`\widetilde{b}`, `<math><mrow class="wide-tilde"><mi>b</mi></mrow></math>`},
		{`163{,}087.5`, `<math><mn>163,087.5</mn></math>`},
		{`g'`, `<math><msup><mi>g</mi><mo>′</mo></msup></math>`},
		{`\left[a\right]`, `<math><mrow><mo fence="true" stretchy="true">[</mo><mi>a</mi><mo fence="true" stretchy="true">]</mo></mrow></math>`},
		{`\text{shape } n`, "<math><mrow><mtext>shape\u00a0</mtext><mi>n</mi></mrow></math>"},
		{`a<b`, `<math><mrow><mi>a</mi><mo>&lt;</mo><mi>b</mi></mrow></math>`},
	} {
		got, err := mathML(c.tex)
		if err != nil || got != c.want {
			t.Errorf("%s:\n got %s %v\nwant %s", c.tex, got, err, c.want)
		}
	}
	for _, tex := range []string{`\nosuch`, `{a`, `a}`, `\left(a`, `\frac{a}`, `\begin{pmatrix}a`, `a_`, `a_i_j`, `a^i^j`, `a'^i^j`, `^i`, strings.Repeat("{", 1000)} {
		if got, err := mathML(tex); err == nil {
			t.Errorf("%s was typeset: %s", tex, got)
		}
	}
}
