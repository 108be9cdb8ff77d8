package sheet

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/paper"
	"github.com/pedestrian-ml/pedestrian/studio"
)

func open(t testing.TB, s studio.State) *Sheet {
	t.Helper()
	x, err := studio.Open(s)
	if err != nil {
		t.Fatal(err)
	}
	return New(x)
}

func text(t *testing.T, s *Sheet, screen string, to Terminal) string {
	t.Helper()
	var b strings.Builder
	if err := s.Text(&b, screen, to); err != nil {
		t.Fatalf("%s: %v", screen, err)
	}
	return b.String()
}

// Every screen of every network fits 80 columns, with colours and without; without there is no
// escape. So is every tensor's, and a cell of each.
func TestScreensFit(t *testing.T) {
	for _, m := range studio.Models {
		s := open(t, studio.State{Model: m.Name, Rank: 2})
		screens := []string{"", "block", "table/1", "table/mha", "table/2", "table/3", "nodes"}
		for _, n := range s.Nodes() {
			screens = append(screens, "node/"+n.ID, fmt.Sprintf("cell/%s/%d,1", n.ID, n.Rows))
		}
		for _, screen := range screens {
			for _, c := range []int{0, 256, 1 << 24} {
				if c > 0 && len(screen) > 8 {
					continue
				}
				out := text(t, s, screen, Terminal{Colours: c})
				if c == 0 && strings.Contains(out, "\x1b") {
					t.Errorf("%s, %s: an escape without colours", m.Name, screen)
				}
				for line := range strings.SplitSeq(out, "\n") {
					if n := columns(line); n > 80 && !strings.Contains(line, "derived in") && !strings.HasPrefix(line, "  gradient of") {
						t.Errorf("%s, %s: %d columns: %s", m.Name, screen, n, line)
					}
				}
			}
		}
	}
}

// What the terminal shows of ρ and its error are the numbers of the equations.
func TestNumbers(t *testing.T) {
	s := open(t, studio.State{})
	out := text(t, s, "node/b0.h1.rho", Terminal{})
	rho := s.Values("b0.h1.rho")
	var row string
	for line := range strings.SplitSeq(out, "\n") {
		if strings.HasPrefix(line, "cat ") {
			row = line
			break
		}
	}
	for j := range 2 {
		if want := strings.TrimPrefix(fmt.Sprintf("%.2f", rho.At(1, j)), "0"); !strings.Contains(row, want) {
			t.Errorf("row 2 of ρ is %q, without %s", row, want)
		}
	}
	if n := strings.Count(row, "/"); n != 4 {
		t.Errorf("row 2 of ρ has %d tokens that are not seen, want 4: %s", n, row)
	}
}

// The head is the one of the largest mean of weights that look back.
func TestHead(t *testing.T) {
	att := paper.Zeros(5, 5)
	for i := range 5 {
		att.V[5*i] = 1 // all on the first token
	}
	if x := lookedBack(att); x != 0 {
		t.Errorf("a head that rests on the first token: %g", x)
	}
	for i := 1; i < 5; i++ {
		att.V[5*i], att.V[5*i+i-1] = 0, 1 // all on the token before
	}
	if x := lookedBack(att); x != 0 {
		t.Errorf("a head that sees the token before: %g", x)
	}
	att.V[5*3+1], att.V[5*4+1], att.V[5*4+2] = .5, .75, .25
	if x := lookedBack(att); x != .5 {
		t.Errorf("columns whose largest weights are .75 and .25: %g, want their mean", x)
	}
	s := open(t, studio.State{})
	if s.Head != 1 || s.Heads[1].Weight <= s.Heads[0].Weight {
		t.Errorf("the head of the lesson is %d of %+v", s.Head, s.Heads)
	}
	if err := s.Show(0, 2); err == nil {
		t.Error("head 2 of two is shown")
	}
}

// A sheet says whether it differentiates the sum or the mean, before any number.
func TestCounted(t *testing.T) {
	for _, c := range []struct {
		s    studio.State
		want string
	}{{studio.State{}, "the sum of the losses of 6 tokens"}, {studio.State{Mean: true}, "the mean of the losses of 6 tokens"},
		{studio.State{Tokens: []int{0, 2}, Targets: []int{-1, 4}}, "the loss of one token"}} {
		out := text(t, open(t, c.s), "block", Terminal{Width: 200})
		at, first := strings.Index(out, c.want), strings.Index(out, "loss\n")
		if at < 0 || first < at {
			t.Errorf("%+v: %q is not said before the losses", c.s, c.want)
		}
	}
}

func TestRefusedScreens(t *testing.T) {
	s := open(t, studio.State{})
	for screen, says := range map[string]string{
		"table/4": "there is no screen", "blok": "table/1, table/mha", "node/x": `no tensor "x"`, "cell/b0.h1.rho": "cell/b0.h1.rho/1,1", "cell/b0.h1.rho/7,1": `no cell "7,1"`, "cell/b0.h1.rho/0,1": "no cell",
	} {
		if err := s.Text(io.Discard, screen, Terminal{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", screen, err, says)
		}
		if _, err := s.Data(screen); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s as data: %v, want %q", screen, err, says)
		}
	}
}

// Every formula of the tables and of the registry is written without markup.
func TestPlain(t *testing.T) {
	for formula, want := range map[string]string{
		`\frac{\partial L}{\partial w_q}=a_{i-1}^t\,\Delta_{\mathrm{raw}}\,k`: "∂L/∂w_q = aᵢ₋₁ᵗ Δ_raw k",
		`v=a_{i-1}\,w_v+\widetilde{b_v}`:                                      "v = aᵢ₋₁ w_v + ~b_v",
		`\widetilde{A\ominus B}`:                                              "~(A ⊖ B)",
		`\rho=\mathrm{softmax}\,\rho_{\mathrm{causal}}`:                       "ρ = softmax ρ_causal",
		`x=-3+(-2)`: "x = −3 + (−2)",
	} {
		m, err := studio.MathML(formula)
		if err != nil {
			t.Fatal(err)
		}
		if have := Plain(m); have != want {
			t.Errorf("%s is %q, want %q", formula, have, want)
		}
	}
	for _, e := range paper.Equations {
		m, err := studio.MathML(e.TeX)
		if err != nil {
			t.Fatal(err)
		}
		if have := Plain(m); strings.ContainsAny(have, `\&`) || strings.Contains(have, "</") || strings.Contains(have, "<m") || have == "" {
			t.Errorf("(%s) is %q", e.Number, have)
		}
	}
}

func TestDigits(t *testing.T) {
	for _, c := range []struct {
		x    float64
		n    int
		want string
	}{{0, 3, "0"}, {.09996, 3, "0.100"}, {-.0119, 3, "−0.0119"}, {2.345e-8, 3, "2.3·10⁻⁸"}, {21.04, 3, "21.0"}, {math.Inf(-1), 3, "−∞"}, {123456, 3, "1.2·10⁵"}, {999.9, 3, "1000"}} {
		if have := significant(c.x, c.n); have != c.want {
			t.Errorf("%g is %s, want %s", c.x, have, c.want)
		}
	}
	s := scaleOf(.0169)
	if s.unit() != "in 10⁻³" || s.digits(.0169) != "16.9" || s.digits(-.0001) != "−.1" || s.digits(-.00001) != ".0" || s.digits(0) != "0" {
		t.Errorf("%+v: %s, %s", s, s.digits(.0169), s.digits(-.0001))
	}
}

// JSON has every number of the screen, and null where a token is not seen.
func TestData(t *testing.T) {
	s := open(t, studio.State{})
	d, err := s.Data("table/1")
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var back Data
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, x := range back.Tensors {
		v := s.Values(x.ID)
		for i, row := range x.Values {
			for j, y := range row {
				if y == nil && !math.IsInf(v.At(i, j), -1) || y != nil && *y != v.At(i, j) {
					t.Fatalf("%s[%d,%d] is not what the session has", x.ID, i, j)
				}
			}
		}
		seen++
	}
	if seen != 23 { // nine values, eight errors of them, six gradients
		t.Errorf("table 1 has %d tensors", seen)
	}
}

// Every error and gradient is compared, and agrees.
func TestChecks(t *testing.T) {
	out := text(t, open(t, studio.State{Tokens: []int{0, 2, 4}}), "check", Terminal{})
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var agree, all int
	if _, err := fmt.Sscanf(lines[len(lines)-1], "%d of %d agree", &agree, &all); err != nil || agree != all || all < 70 {
		t.Errorf("%s (%v)", lines[len(lines)-1], err)
	}
	if n := strings.Count(out, "✓"); n != all {
		t.Errorf("%d tensors are marked, %d counted", n, all)
	}
}

// A link of the studio gives its place.
func TestLink(t *testing.T) {
	l, err := ParseLink("http://127.0.0.1:80/#/table/1?v=1&mean=1&tok=0.3.5&edit=b0.h1.rho:3,2=.2;b0.h1.m:3,1=hidden&held=b0.a_4,b0.h1.rho*&head=0")
	if err != nil {
		t.Fatal(err)
	}
	if l.Screen != "table/1" || !l.State.Mean || len(l.State.Tokens) != 3 || len(l.State.Edits) != 2 || *l.State.Edits[0].Value != .2 || l.State.Edits[1].Value != nil || l.State.Edits[0].Row != 2 || l.Head != 0 || l.Block != -1 {
		t.Errorf("%+v", l)
	}
	if !slices.Equal(l.State.Held, []studio.Hold{{ID: "b0.a_4"}, {ID: "b0.h1.rho", Frozen: true}}) {
		t.Errorf("held are %v", l.State.Held)
	}
	if _, err := studio.Open(l.State); err != nil {
		t.Error(err)
	}
	for link, says := range map[string]string{"table/1": "no address", "#/?x=1": `"x"`, "#/?edit=b0:1=2": "the edit", "#/?tok=1.a": "list", "#/?head=-1": "whole number"} {
		if _, err := ParseLink(link); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", link, err, says)
		}
	}
}

var attributes = regexp.MustCompile(`(?i)(?:src|href|action|url)\s*[=(]\s*["']?([^"')>\s]+)`)

// The page is one file: it names nothing outside of itself, has no script, and its drawing is XML.
func TestPage(t *testing.T) {
	s := open(t, studio.State{})
	var b bytes.Buffer
	if err := s.Page(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, m := range attributes.FindAllStringSubmatch(page, -1) {
		if to := m[1]; !strings.HasPrefix(to, "#") && !strings.HasPrefix(to, "data:") {
			t.Errorf("the page names %s", m[0])
		}
	}
	if strings.Contains(strings.ToLower(page), "<script") || strings.Contains(page, "@import") {
		t.Error("the page has a script or asks for a style sheet")
	}
	rows := 0
	for _, table := range studio.Tables {
		rows += len(table.Rows)
	}
	if n := strings.Count(page, `class="row"`); n != rows {
		t.Errorf("the page has %d rows, the tables %d", n, rows)
	}
	if !strings.Contains(page, "the sum of the losses of 6 tokens") {
		t.Error("the page does not say what it differentiates")
	}
	if n := len(page); n > 1<<20 {
		t.Errorf("the page has %d bytes", n)
	}
	d := xml.NewDecoder(strings.NewReader(s.Drawing()))
	for {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("the drawing is not XML: %v", err)
		}
	}
}

// A text of another's network is no markup of the page.
func TestPageEscapes(t *testing.T) {
	s := open(t, studio.State{})
	m := *s.Model
	m.Words = append([]string{`<script>"&`}, m.Words[1:]...)
	s.Model = &m
	var b bytes.Buffer
	if err := s.Page(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), `<script>`) {
		t.Error("a word became markup")
	}
}

// The colours are those that Chromium makes of the ends of the ramps, oklch(.69 .155 55) and so on.
func TestRamp(t *testing.T) {
	for _, c := range []struct {
		have, want int
		name       string
	}{{valueRamp.rgb(levels, false), 0xe27d29, "value"}, {errorRamp.rgb(levels, false), 0x5e9fe6, "error"},
		{valueDark.rgb(levels, false), 0xad5907, "value, dark"}, {errorDark.rgb(levels, false), 0x2d75bf, "error, dark"}} {
		for shift := 0; shift <= 16; shift += 8 {
			if d := c.have>>shift&255 - c.want>>shift&255; d > 1 || d < -1 {
				t.Errorf("%s is %06x, want %06x", c.name, c.have, c.want)
				break
			}
		}
	}
	if level(0, 1) != 0 || level(1e-9, 1) != 1 || level(-1, 1) != levels || level(3, 0) != 0 {
		t.Error("levels")
	}
}
