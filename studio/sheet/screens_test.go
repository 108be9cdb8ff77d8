package sheet

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/studio"
)

// core answers all sheets: a bug is planted once.
var core = new(studio.Core)

// at is the sheet of an address of the studio.
func at(t *testing.T, address string) (*Sheet, string) {
	t.Helper()
	l, err := ParseLink(address)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(core, l)
	if err != nil {
		t.Fatal(err)
	}
	return s, l.Screen
}

// shows prints an address, and fails where a line has more than 80 columns.
func shows(t *testing.T, address string) string {
	t.Helper()
	s, screen := at(t, address)
	out := text(t, s, screen, Terminal{})
	for line := range strings.SplitSeq(out, "\n") {
		if n := columns(line); n > 80 && !(strings.HasPrefix(address, "#/book/") && strings.HasPrefix(line, "    ")) { // code is not broken
			t.Errorf("%s: %d columns: %s", address, n, line)
		}
	}
	return out
}

func contains(t *testing.T, where, out string, all ...string) {
	t.Helper()
	for _, want := range all {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), strings.Join(strings.Fields(want), " ")) {
			t.Errorf("%s does not say %q:\n%s", where, want, out)
		}
	}
}

// answer asks a core of its own, and not through a sheet.
func answer[T any](t *testing.T, request string) (header T, numbers []float64) {
	t.Helper()
	var c studio.Core
	b, ok := c.Handle([]byte(request))
	head, numbers, err := studio.Decode(b)
	if err == nil && ok {
		err = json.Unmarshal(head, &header)
	}
	if err != nil || !ok {
		t.Fatalf("%s: %s, %v", request, head, err)
	}
	return header, numbers
}

// Every screen that the page has is one of a sheet, and is in the list.
func TestEveryScreen(t *testing.T) {
	page, err := os.ReadFile("../ui/src/app.ts")
	if err != nil {
		t.Fatal(err)
	}
	all := regexp.MustCompile(`(?m)^  (?:"")?(\w*): \{ show:`).FindAllStringSubmatch(string(page), -1)
	if len(all) < 16 {
		t.Fatalf("the page has %d screens: the pattern does not find them", len(all))
	}
	for _, m := range all {
		if _, ok := screens()[m[1]]; !ok {
			t.Errorf("the page has the screen %q, and a sheet has not", m[1])
		}
	}
	listed := func(first string) bool {
		return slices.ContainsFunc(Screens, func(s [2]string) bool { return s[0] == first || strings.HasPrefix(s[0], first+"/") })
	}
	for first := range screens() {
		if first != "" && !listed(first) {
			t.Errorf("the screen %q is not in the list", first)
		}
	}
}

// A law has the claims and the numbers that the core says of it, at its knob, whole and broken.
func TestLawsText(t *testing.T) {
	for _, l := range studio.Laws {
		for _, broken := range []bool{false, true} {
			knob := l.Knob.Min
			h, numbers := answer[shownLaw](t, fmt.Sprintf(`{"op":"law","id":"%s","knob":%g,"broken":%t,"head":1}`, l.ID, knob, broken))
			address := fmt.Sprintf("#/laws/%s?knob=%g", l.ID, knob)
			if broken {
				address += "&broken=1"
			}
			out := shows(t, address)
			for _, c := range h.Claims {
				contains(t, address, out, strings.Fields(c.What)[0], " "+significant(float64(c.Value), 2)+" ")
			}
			if n := strings.Count(out, "✓ holds"); h.Holds != (n == len(h.Claims)) || h.Holds == broken {
				t.Errorf("%s: %d of %d claims hold, the core says %t", address, n, len(h.Claims), h.Holds)
			}
			contains(t, address, out, map[bool]string{true: "It holds.", false: "It is broken"}[h.Holds])
			for _, x := range h.Panels {
				if m := panelMap(x, numbers, 60); m.digits && x.Cols < 7 {
					line := ""
					for j := range x.Cols {
						if !m.isHidden(j) && !math.IsNaN(m.v.V[j]) && (m.v.V[j] != 0 || !backward(x.Kind)) {
							line = m.scale.digits(m.v.V[j])
						}
					}
					contains(t, address+", "+x.Title, out, x.Title, line)
				}
			}
		}
	}
	out := shows(t, "#/laws")
	contains(t, "laws", out, fmt.Sprintf("%d identities", len(gradcheck.Identities())), "all hold")
}

// The adapter's norms, ranks and losses are those of the core; what the address sets is heard.
func TestAdapterText(t *testing.T) {
	a, _ := answer[adapter](t, `{"op":"adapter","state":{"rank":3},"alpha":2,"steps":20}`)
	out := shows(t, "#/lora?rank=3&alpha=2&steps=20")
	contains(t, "lora", out, "Rank r = 3 of at most 8, multiplier α = 2, 20 steps", fmt.Sprintf("%d numbers learn", a.Trained), fmt.Sprintf("Loss %s → %s", significant(*a.Losses[0], 3), significant(*a.Losses[20], 3)))
	of := map[string]string{}
	for _, x := range a.Panels {
		of[x.Key] = orNone(x.Norm, 3)
		contains(t, "lora", out, x.Title)
	}
	contains(t, "lora", out, "through the adapter "+of["adapter"]+" "+of["Dadapter"], "through the frozen weight "+of["frozen"]+" "+of["Dfrozen"])
	for _, r := range a.Ranks {
		contains(t, "lora", out, significant(r.Singular[0], 3))
	}
	if n := strings.Count(out, "✓ holds"); n != len(a.Claims) {
		t.Errorf("%d of %d claims hold", n, len(a.Claims))
	}
	contains(t, "lora at rest", shows(t, "#/lora?steps=0"), "Before the first step u is zero")
}

// The ledger is counted as the core counts it, of this network and of GPT-2.
func TestParamsText(t *testing.T) {
	contains(t, "params", shows(t, "#/params"), "1 140 parameters, the same as the 1 140 numbers that are here ✓", "FC_expand d·4d + 4d 288 288 25 %", "w_11 logits 8×12 96")
	out := shows(t, "#/params?net=50257,1024,768,12,12,tied,r16,qkv")
	contains(t, "GPT-2", out, "124 439 808 parameters", "× 12", "An adapter of rank 16 beside qkv trains 589 824 numbers")
	if strings.Contains(out, "Text:") {
		t.Error("the text of another network stands above the count of GPT-2")
	}
	s, screen := at(t, "#/params?net=50257,1024")
	if err := s.Text(new(strings.Builder), screen, Terminal{}); err == nil || !strings.Contains(err.Error(), "net=50257,1024 are no sizes") {
		t.Errorf("two sizes: %v", err)
	}
}

// A curve has the core's numbers for each step, of the cell that is asked for or the largest.
func TestCurveText(t *testing.T) {
	c, numbers := answer[studio.VCurve](t, `{"op":"curve","id":"b0.h1.D_causal","i":4,"j":1}`)
	out := shows(t, "#/check/b0.h1.D_causal?cell=5,2")
	contains(t, "the curve", out, "row 5 “the”, column 2 “cat”", "backward "+orNone(c.Value, 9))
	for k := range c.Steps {
		v := numbers[stepNumbers*k:]
		contains(t, "the curve", out, power(k)+" "+significant(v[2], 2)+" "+significant(v[4], 2)+" "+significant(v[5], 2))
	}
	s, _ := at(t, "#/")
	d := s.Values("b0.h1.D_causal")
	i, j := largestCell(d)
	for _, x := range d.V {
		if math.Abs(x) > math.Abs(d.At(i, j)) {
			t.Errorf("the largest cell is not %d,%d", i, j)
		}
	}
	contains(t, "the curve of the value", shows(t, "#/check/b0.h1.rho_causal"), fmt.Sprintf("row %d “", i+1), "backward "+significant(d.At(i, j), 9))
}

// A planted bug is caught by what the core says; one to be found does not give itself away, and
// an answer is judged.
func TestBugsText(t *testing.T) {
	m, _ := answer[planted](t, `{"op":"planted","id":"1"}`)
	contains(t, "M1", shows(t, "#/check/bugs?row=M1"), "✓ caught by "+m.catchers(), "Replaced: "+m.Where, "1 of 48 planted; 1 caught")
	b, _ := answer[bugToFind](t, `{"op":"bug","id":"1"}`)
	out := shows(t, "#/bug/1")
	failing := 0
	for _, r := range append(b.Signals, b.Gradients...) {
		verdict := "agrees"
		if r.Failed > 0 {
			verdict, failing = "≠", failing+1
		}
		contains(t, "bug 1", out, r.Name+" "+r.Shape+" "+orNone(r.Off, 2)+" "+verdict)
	}
	contains(t, "bug 1", out, fmt.Sprintf("%d of %d rows differ", failing, len(b.Signals)+len(b.Gradients)))
	if strings.Contains(out, m.Where) || strings.Contains(out, m.Title) {
		t.Error("bug 1 gives itself away")
	}
	contains(t, "an answer", shows(t, "#/bug/1?answer=28"), "28: right.")
	contains(t, "another", shows(t, "#/bug/1?answer=27"), "27: wrong.")
}

// A difference is new less old in every map, 0 exactly where nothing changed, and its norms are
// both; what changed most is first.
func TestDifference(t *testing.T) {
	s, _ := at(t, "#/?edit=b0.h1.rho:5,2=.2&diff=1")
	fresh := open(t, studio.State{})
	for _, n := range s.Nodes() {
		now, old, d := s.Values(n.ID), fresh.Values(n.ID), s.shown(n.ID)
		for k, x := range d.V {
			want := 0.0
			if now.V[k] != old.V[k] {
				want = now.V[k] - old.V[k]
			}
			if n.Kind != studio.Mask && x != want {
				t.Fatalf("%s: the change of entry %d is %g, want %g", n.ID, k, x, want)
			}
		}
	}
	share := func(c Change) float64 { return *c.Norm / *c.Before }
	all := s.Changes()
	for i := range all[1:] {
		if share(all[i]) < share(all[i+1]) {
			t.Errorf("%s stands before %s, which changed more", all[i].ID, all[i+1].ID)
		}
	}
	out := shows(t, "#/?edit=b0.h1.rho:5,2=.2&diff=1")
	contains(t, "the difference", out, "One number is changed by hand.", "Maps show new − old", all[0].ID+" "+s.norm(all[0].ID, 3), "Block 0, head 1", fmt.Sprintf("%d tensors changed", len(all)))
	table := shows(t, "#/table/1?edit=b0.h1.rho:5,2=.2&diff=1")
	rho := s.shown("b0.h1.rho")
	contains(t, "table 1", table, s.norm("b0.h1.rho", 3), "new − old")
	contains(t, "ρ", shows(t, "#/node/b0.h1.rho?edit=b0.h1.rho:5,2=.2&diff=1"), s.norm("b0.h1.rho", 4), scaleOf(math.Abs(rho.At(4, 1))).digits(rho.At(4, 1)))
	d, err := s.Data("node/b0.h1.rho")
	if err != nil || len(d.Changes) != len(all) || *d.Tensors[0].Change[4][1] != s.shown("b0.h1.rho").At(4, 1) || *d.Tensors[0].Change[0][0] != 0 {
		t.Errorf("as data: %d changes, %v", len(d.Changes), err)
	}
	now, _ := open(t, studio.State{Tokens: []int{0, 3, 4, 6, 0, 8}}).Losses()
	old, _ := fresh.Losses()
	contains(t, "another text", shows(t, "#/?tok=0.3.4.6.0.8&diff=1"), fmt.Sprintf("%.2f %.2f ▇", *now[1], *old[1]))
	contains(t, "no edit", shows(t, "#/?diff=1"), "Nothing changed.")
}

// The layers of table 3 have the norms that the core gives them.
func TestLayersText(t *testing.T) {
	l, _ := answer[studio.Layers](t, `{"op":"layers","id":"b0.dw_3"}`)
	contains(t, "table 3", shows(t, "#/table/3"), fmt.Sprintf("their norms: the %s, cat %s", significant(*l.Norms[0], 2), significant(*l.Norms[1], 2)))
}

// Chapters, equations, errata, the lesson and exercises are those of the book, without markup.
func TestBookText(t *testing.T) {
	for address, says := range map[string][]string{
		"#/book":                    {"03-attention", "3 · One head of self-attention"},
		"#/book/03-attention/eq-25": {"Δ_causal = [Δ vᵗ − ~((Δ vᵗ) ⊖ ρ)] ∘ ρ"},
		"#/book?answer=causality":   {"book/"},
		"#/equations":               {"(25) error signal through the softmax"},
		"#/equations/25":            {"n_T×n_T", "b0.h0.D_causal, b0.h1.D_causal", "Back through the softmax"},
		"#/errata/S1":               {"the first token attends to later ones by", "✓ holds", "TestErratumS1"},
		"#/teach":                   {"0–4 A vote", "$ pedestrian derive which_bias"},
		"#/teach/sheet/1":           {"1"},
		"#/derive":                  {"w_q"},
		"#/derive/w_q":              {"What is ∂L/∂w_q ? d×d_rho", "a_prev T×d"},
		"#/derive/check?row=40":     {"of", "lines are true; they end in (40)."},
		"#/derive/check?answer=world+head%0Asum_features(rho)+%3D%3D+1%0Asum_features(rho)+%3D%3D+2": {"1 true sum_features(rho) == 1", "2 FALSE sum_features(rho) == 2", "1 of 2 lines are true."},
		"#/derive/w_q?answer=a_prev'@D_raw@q":                                                        {"Not yet. k belongs in the place of q."},
		"#/derive/w_q?answer=a_prev'%20@D_raw@k":                                                     {"Right.", "This is ("},
	} {
		contains(t, address, shows(t, address), says...)
	}
	for _, c := range []string{"02-loss-embedding", "03-attention", "05-layernorm", "notation"} {
		if out := shows(t, "#/book/"+c); strings.Contains(out, "<math") || strings.Contains(out, "$") && !strings.Contains(out, "$ pedestrian") {
			t.Errorf("chapter %s has markup", c)
		}
	}
}

// What an address sets wrongly is refused in the core's words, before anything is printed.
func TestRefusedSettings(t *testing.T) {
	for address, says := range map[string]string{
		"#/laws/rows?knob=99": "the knob goes from 0 to 4", "#/lora?alpha=9": "α goes from 0 to 8", "#/lora?steps=1000": "0 to 200 steps", "#/laws/none": `no law "none"`, "#/bug/49": "numbered from 1 to 48", "#/check/bugs?row=M99": "M1 to M48",
		"#/generate?write=1,2": "does not say how to write", "#/derive/none": `no exercise "none"`, "#/book/none": `no chapter "none"`, "#/book/03-attention/none": `no place "none"`, "#/equations/999": `no equation "999"`, "#/errata/S99": `no erratum "S99"`,
		"#/teach/none": "there is no screen", "#/teach/sheet/9": `no worksheet "9"`, "#/check/tok.ohe": "no difference to compare it with", "#/lora/x": "there is no screen",
	} {
		s, screen := at(t, address)
		var b strings.Builder
		if err := s.Text(&b, screen, Terminal{}); err == nil || !strings.Contains(err.Error(), says) || b.Len() > 0 {
			t.Errorf("%s: %v, want %q; printed: %q", address, err, says, b.String())
		}
	}
	for link, says := range map[string]string{"#/?knob=x": "no number", "#/?cell=0,1": "counted from 1", "#/?rates=5": "20:.01", "#/?steps=a": "whole number"} {
		if _, err := ParseLink(link); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", link, err, says)
		}
	}
}

// As data, a screen has the answers of the core that its text was made of, to the bit.
func TestAnswers(t *testing.T) {
	s, screen := at(t, "#/laws/rows?knob=2")
	d, err := s.Data(screen)
	if err != nil || len(d.Answers) != 1 || d.Answers[0].Op != "law" || d.Answers[0].ID != "rows" {
		t.Fatalf("%+v, %v", d, err)
	}
	h, numbers := answer[shownLaw](t, `{"op":"law","id":"rows","knob":2,"head":1}`)
	var back shownLaw
	if err := json.Unmarshal(d.Answers[0].Header, &back); err != nil || back.At != 2 || len(back.Claims) != len(h.Claims) {
		t.Errorf("%+v, %v", back, err)
	}
	for k, x := range numbers {
		if y := d.Answers[0].Numbers[k]; y == nil && !math.IsInf(x, 0) || y != nil && *y != x {
			t.Fatalf("number %d is not the core's", k)
		}
	}
	if _, err := json.Marshal(d); err != nil {
		t.Error(err)
	}
}

// The heading says what is a constant for the backward pass, and a difference is to the state without.
func TestHeldIsSaid(t *testing.T) {
	out := shows(t, "#/table/1?held=b0.a_4,b0.h1.rho*")
	contains(t, "table/1", out, "Constants for the backward pass: b0.a_4 (detached), b0.h1.rho (frozen).")
	s, _ := at(t, "#/?held=b0.a_4&diff=1")
	if len(s.Before.State.Held) > 0 || len(s.Changes()) == 0 {
		t.Errorf("before the change %v was held, and %d tensors changed", s.Before.State.Held, len(s.Changes()))
	}
}
