package corpus

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

func TestGrammarRefused(t *testing.T) {
	for _, c := range []struct{ text, says string }{
		{"", "there is no rule"},
		{"role hero name\n\tAl", "there is no rule"},
		{"\tAl", "line 1: an indented line"},
		{"rule", "line 1"},
		{"chapter one", "line 1"},
		{"rule Story\n\tx", `"Story" has something else`},
		{"rule story\n", "rule story has no alternatives"},
		{"role hero name\nrule story\n\tx", "role hero has no values"},
		{"role hero\n\tAl\nrule story\n\tx", "line 1"},
		{"rule story\n\tx\nrule story\n\ty", "the name story is taken"},
		{"role hero name\n\tAl | he\nrule story\n\tx", "has 2 forms, and the role has 1"},
		{"role hero name\n\tAl\n\tAl\nrule story\n\tx", "the value Al twice"},
		{"role hero name they\n\tAl |\nrule story\n\tx", "an empty form"},
		{"role hero name\n" + values(65) + "rule story\n\tx", "more than 64 values"},
		{nineRoles() + "rule story\n\tx", "more than 8 roles"},
		{"rule story\n\t{villain}", `no role {villain}`},
		{"role hero name\n\tAl\nrule story\n\t{hero.age}", `no form "age"`},
		{"role hero name\n\tAl\nrule story\n\t{hero.name.first}", "no role {hero.name.first}"},
		{"rule story\n\t[plot]", `no rule "plot"`},
		{"rule story\n\t[plot x]\nrule plot\n\ty", "has 0 parameters and is called with 1"},
		{"rule story\n\ta[story]\n\tb", "calls itself by way of story"},
		{"rule story\n\ta[b]\nrule b\n\tc[d]\nrule d\n\te[b]", "calls itself by way of story, b, d"},
		{"rule story\n\t0 * a", "the weight \"0\""},
		{"rule story\n\tx * a", "the weight \"x\""},
		{"rule story\n\ta [b", "a bracket"},
		{"rule story\n\ta b]", "a bracket"},
		{"rule story\n\ta {} b", "a bracket"},
		{"rule story\n\ta [b{c}] b", "a bracket"},
		{"rule story\n\tcafé", "byte 0xc3"},
		{"role hero name\n\tRené\nrule story\n\tx", "byte 0xc3"},
		{"rule story\n\ta\tb", "byte 0x09"},
		{"rule story\n\t[a]\nrule a\n\tx\nwords a: y", "the name a is taken"},
		{"rule story\n\t[c]\n" + deep(), "more than 65536 nodes"},
		{"rule story\n\t" + strings.Repeat("[a]", 13) + "\nrule a\n\t-\n\t-", "ways to go on"},
	} {
		_, err := NewGrammar(c.text)
		if err == nil {
			t.Errorf("%.60q: accepted", c.text)
		} else if m := err.Error(); !strings.Contains(m, c.says) || strings.Contains(m, "\n") {
			t.Errorf("%.60q: %q does not say %q on one line", c.text, m, c.says)
		}
	}
}

func values(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("\tB" + letters(i) + "\n")
	}
	return b.String()
}

func nineRoles() string {
	var b strings.Builder
	for i := range 9 {
		b.WriteString("role r" + letters(i) + " name\n\tx\n")
	}
	return b.String()
}

// deep is a rule c whose unfolding doubles again and again.
func deep() string {
	var b strings.Builder
	for i := range 20 {
		b.WriteString("rule c" + strings.Repeat("x", i) + "\n\t[c" + strings.Repeat("x", i+1) + "]y[c" + strings.Repeat("x", i+1) + "]\n")
	}
	b.WriteString("rule c" + strings.Repeat("x", 20) + "\n\tz\n")
	return b.String()
}

// TestGrammarLimits has one grammar for each thing that a grammar may not cost.
func TestGrammarLimits(t *testing.T) {
	var roles, uses, forms strings.Builder
	for i := range 65 {
		forms.WriteString(" f" + letters(i))
		uses.WriteString("{r.f" + letters(i) + "} ")
	}
	roles.WriteString("role r" + forms.String() + "\n\t" + strings.TrimSuffix(strings.Repeat("x | ", 65), " | ") + "\n")
	var words, pairs strings.Builder
	for i := range 5000 {
		if i > 0 {
			words.WriteString(", ")
		}
		words.WriteString(letters(i))
	}
	defer func(most int) { maxPairs = most }(maxPairs)
	maxPairs = 1 << 16
	for i := range 400 {
		pairs.WriteString("\t" + strings.Repeat("a", 4) + letters(i) + "\n")
	}
	var eight, seen strings.Builder
	for i := range 7 {
		r := "r" + letters(i)
		eight.WriteString("role " + r + " a b c\n\tx" + letters(i) + " | y" + letters(i) + " | z" + letters(i) + "\n\tu | v | w\n")
		seen.WriteString("[tell" + " " + r + "]")
	}
	for name, c := range map[string]struct{ text, says string }{
		"forms":      {roles.String() + "rule story\n\t" + uses.String(), "more than 64 forms"},
		"ways":       {"rule story\n\t[w]\nwords w: " + words.String(), "ways to go on"},
		"characters": {"rule story\n\t[a]\nrule a\n" + strings.Repeat("\t["+"b]"+strings.Repeat("b", 40000)+"\n", 30) + "rule b\n\tx", "characters"},
		"pairs":      {"rule story\n\t[p]\nrule p\n" + pairs.String(), "pairs of places"},
		"states":     {eight.String() + "rule story\n\t" + strings.Repeat(seen.String(), 3) + "\nrule tell r\n\t1{r}\n\t2{r.b}\n\t3{r.c}\n\t4", "states of knowledge"},
	} {
		began := time.Now()
		_, err := NewGrammar(c.text)
		t.Log(name, time.Since(began))
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %.200v does not say %q on one line", name, err, c.says)
		}
	}
}

// letters is a number written in letters, all of one length.
func letters(n int) string {
	return string([]byte{byte('a' + n/676%26), byte('a' + n/26%26), byte('a' + n%26)})
}

// FuzzGrammar checks that no source makes the reader panic, and that what it
// accepts keeps its promises: what is told can be parsed and read, with one and
// the same probability.
func FuzzGrammar(f *testing.F) {
	f.Add(tiny, uint64(1))
	f.Add("rule story\n\t[a] and [b]\nwords a: x, 2 * y\nrule b\n\t-\n\tz", uint64(2))
	f.Add("role r a b\n\tx | u\n\ty | u\nrule story\n\t{r.b}{r}{R.B}", uint64(3))
	f.Add("rule story\n\t[a][a].\nrule a\n\t-\n\tx", uint64(4))
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		g, err := NewGrammar(text)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			return
		}
		story := g.Story(seed, 0)
		want, err := g.LogProb(story)
		if err != nil {
			t.Fatal(err)
		}
		got, r := 0.0, g.Predictor()
		for i := range len(story) {
			got += math.Log(r.Read(story[i]))
		}
		if math.Abs(got-want) > 1e-9*(1+math.Abs(want)) {
			t.Fatalf("%q: ln p = %v by parsing, %v by reading", story, want, got)
		}
		if math.IsNaN(g.Rate()) || g.Rate() < -near {
			t.Fatalf("rate %v", g.Rate())
		}
	})
}

// FuzzParse checks that no text makes the parser panic, and that what it takes for
// a story is one: the reader, who knows where it begins, gives it the same probability.
func FuzzParse(f *testing.F) {
	f.Add(Stories(AnyDialogue).Story(1, 0))
	f.Add(Stories(OnlyDialogue).Story(1, 1) + Stories(NoDialogue).Story(1, 1))
	f.Add("Mia was a shy")
	f.Add("\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		g := Stories(AnyDialogue)
		lp, err := g.LogProb(text)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			return
		}
		got, r := 0.0, g.Predictor()
		for i := range len(text) {
			got += math.Log(r.Read(text[i]))
		}
		if math.Abs(got-lp) > 1e-9*(1+math.Abs(lp)) {
			t.Fatalf("%q: ln p = %v by parsing, %v by reading", text, lp, got)
		}
	})
}

func TestParseRefuses(t *testing.T) {
	g := Stories(AnyDialogue)
	story := g.Story(1, 0)
	for _, c := range []struct{ text, says string }{
		{story[:len(story)-1], "no blank line at its end"},
		{story + "Mia", "offset " + fmt.Sprint(len(story)) + " has no blank line"},
		{story + "Mia\n\n", "offset " + fmt.Sprint(len(story)) + ": parse a story"},
		{strings.Replace(story, "Now ", "Soon ", 1), "from offset " + fmt.Sprint(strings.Index(story, "Now "))},
	} {
		if _, err := g.LogProb(c.text); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %v does not say %q", c.text, err, c.says)
		}
	}
	if lp, err := g.LogProb(""); lp != 0 || err != nil {
		t.Errorf("no stories: %v, %v", lp, err)
	}
	if steps, err := g.Parse(strings.TrimSpace(story)); err != nil || len(steps) < 10 {
		t.Errorf("without its blank line: %v, %v", steps, err)
	}
}
