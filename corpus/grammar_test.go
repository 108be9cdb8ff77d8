package corpus

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
)

// tiny has everything that the notation offers and few enough stories to list:
// a pronoun that comes before the name and one that comes after it, a weight on
// a value, weights on alternatives, rules with a role and with a rule as
// argument, an alternative without text, a capital, and a role that may not occur.
const tiny = `
role hero name they
	Al | he
	2 * Bo | he
	Cy | she
role thing name
	cup
	3 * hat
rule story
	{hero.They} ran. {hero} [has plain hero].
	3 * {hero} [has loud hero][extra] {hero.they} left.
rule has how who
	has a {thing}[how who]
	2 * sat
rule plain who
	.
rule loud who
	, {who}'s {thing}!
rule extra
	-
	_It [sky].
words sky: rained, 2 * snowed
`

// told lists all texts of a grammar with their probabilities, straight from
// the source: first everybody is cast, then every alternative is written out.
// It shares nothing with the compiled grammar.
func told(t *testing.T, src *source) map[string]float64 {
	t.Helper()
	texts := map[string]float64{}
	var cast func(k int, playing []int, p float64)
	var write func(items []item, env map[string]string, rest func(text string, p float64), text string, p float64, playing []int)
	write = func(items []item, env map[string]string, rest func(string, float64), text string, p float64, playing []int) {
		if len(items) == 0 {
			rest(text, p)
			return
		}
		name := func(s string) string {
			if v, ok := env[s]; ok {
				return v
			}
			return s
		}
		after := func(text string, p float64) { write(items[1:], env, rest, text, p, playing) }
		it := items[0]
		switch {
		case it.slot != nil:
			k := src.role(name(strings.ToLower(it.slot[0])))
			form := 0
			if len(it.slot) > 1 {
				form = slices.Index(src.roles[k].forms, strings.ToLower(it.slot[1]))
			}
			s := src.roles[k].values[playing[k]].texts[form]
			if written := strings.Join(it.slot, "."); written != strings.ToLower(written) {
				s = strings.ToUpper(s[:1]) + s[1:]
			}
			after(text+s, p)
		case it.call != nil:
			r := src.rules[name(it.call[0])]
			inner := map[string]string{}
			for i, param := range r.params {
				inner[param] = name(it.call[1+i])
			}
			var total float64
			for _, b := range r.bodies {
				total += float64(b.weight)
			}
			for _, b := range r.bodies {
				write(b.items, inner, after, text, p*float64(b.weight)/total, playing)
			}
		default:
			after(text+it.text, p)
		}
	}
	cast = func(k int, playing []int, p float64) {
		if k == len(src.roles) {
			write([]item{{call: []string{src.first.name}}}, nil, func(text string, p float64) { texts[text+"\n\n"] += p }, "", p, playing)
			return
		}
		var total float64
		for _, v := range src.roles[k].values {
			total += float64(v.weight)
		}
		for i, v := range src.roles[k].values {
			cast(k+1, append(playing[:k:k], i), p*float64(v.weight)/total)
		}
	}
	cast(0, nil, 1)
	return texts
}

func mustGrammar(t testing.TB, text string) *Grammar {
	t.Helper()
	g, err := NewGrammar(text)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// near is for sums of a few hundred products of order one in float64.
const near = 1e-12

// TestEntropyByEnumeration lists every story of a tiny grammar and compares the
// sums over the list with what dynamic programming gives.
func TestEntropyByEnumeration(t *testing.T) {
	g := mustGrammar(t, tiny)
	texts := told(t, g.src)
	var total, entropy, length float64
	for text, p := range texts {
		total += p
		entropy -= p * math.Log(p)
		length += p * float64(len(text))
	}
	if math.Abs(total-1) > near {
		t.Fatalf("the list is wrong: its probabilities add up to %v", total)
	}
	if math.Abs(entropy-g.Entropy()) > near || math.Abs(length-g.Length()) > near {
		t.Errorf("%d stories: entropy %.15f and length %.15f by enumeration, %.15f and %.15f by dynamic programming",
			len(texts), entropy, length, g.Entropy(), g.Length())
	}
	if r := g.Rate(); math.Abs(r-entropy/length) > near {
		t.Errorf("rate %v, want %v", r, entropy/length)
	}
	t.Logf("%d stories, %.6f nats and %.6f characters a story", len(texts), entropy, length)
}

// TestStoriesByEnumeration checks that what is told, parsed and predicted has
// the probabilities of the list: each story by its derivation, and by reading it
// one character at a time.
func TestStoriesByEnumeration(t *testing.T) {
	g := mustGrammar(t, tiny)
	texts := told(t, g.src)
	for text, p := range texts {
		got, err := g.LogProb(text)
		if err != nil || math.Abs(got-math.Log(p)) > near {
			t.Errorf("%q: ln p = %v by parsing (%v), %v by enumeration", text, got, err, math.Log(p))
		}
		read, r := 1.0, g.Predictor()
		for i := range len(text) {
			read *= r.Read(text[i])
		}
		if math.Abs(read-p) > near {
			t.Errorf("%q: p = %v by reading, %v by enumeration", text, read, p)
		}
	}
	// 20,000 stories: a frequency is off by more than 5 standard deviations once
	// in a million.
	const n = 20000
	count := map[string]float64{}
	for i := range uint64(n) {
		count[g.Story(5, i)]++
	}
	for text := range count {
		if texts[text] == 0 {
			t.Errorf("%q was told and is not in the list", text)
		}
	}
	for text, p := range texts {
		if d := count[text] - n*p; math.Abs(d) > 5*math.Sqrt(n*p*(1-p)) {
			t.Errorf("%q was told %v times, %.1f are due", text, count[text], n*p)
		}
	}
}

// stream gives the probability that an endless stream of stories, from the
// beginning of a story, starts with window.
func stream(texts map[string]float64, window string, memo map[string]float64) (p float64) {
	if window == "" {
		return 1
	}
	if p, ok := memo[window]; ok {
		return p
	}
	for _, text := range slices.Sorted(maps.Keys(texts)) {
		n := min(len(text), len(window))
		if text[:n] == window[:n] {
			p += texts[text] * stream(texts, window[n:], memo)
		}
	}
	memo[window] = p
	return p
}

// TestWakingByEnumeration checks the predictor that wakes up anywhere. The
// probability of a window is, by enumeration, the sum over all stories and all
// characters of them at which it may begin.
func TestWakingByEnumeration(t *testing.T) {
	g := mustGrammar(t, tiny)
	texts := told(t, g.src)
	memo := map[string]float64{}
	exact := func(window string) (p float64) {
		for _, text := range slices.Sorted(maps.Keys(texts)) {
			for at := range len(text) {
				n := min(len(text)-at, len(window))
				if text[at:at+n] == window[:n] {
					p += texts[text] / g.Length() * stream(texts, window[n:], memo)
				}
			}
		}
		return p
	}
	text, r := g.Text(7, 400), g.Predictor()
	for at := 0; at+60 < len(text); at += 7 {
		r.BeginAnywhere()
		before := 1.0
		for n := 1; n <= 60; n++ {
			var dist [128]float64
			r.Next(&dist)
			if n == 30 { // all of the distribution, now and then
				for c := range dist {
					want := exact(text[at:at+n-1]+string(byte(c))) / before
					if math.Abs(dist[c]-want) > near {
						t.Fatalf("after %q: p(%q) = %v, want %v", text[at:at+n-1], rune(c), dist[c], want)
					}
				}
			}
			p := exact(text[at : at+n])
			got := r.Read(text[at+n-1])
			if want := p / before; math.Abs(got-want) > near || math.Abs(dist[text[at+n-1]]-want) > near {
				t.Fatalf("%q: the last character has p = %v, want %v", text[at:at+n], got, want)
			}
			before = p
		}
	}
}

// TestAmbiguous has grammars in which a text has two derivations.
func TestAmbiguous(t *testing.T) {
	for name, text := range map[string]string{
		"the same twice":             "rule story\n\tone\n\tone",
		"nothing twice":              "rule story\n\tx[a]\nrule a\n\t-\n\t-",
		"shared between two places":  "rule story\n\t[a][b]\nrule a\n\tx\n\txy\nrule b\n\tyz\n\tz",
		"absent here or there":       "rule story\n\t[a][a].\nrule a\n\t-\n\tx",
		"a value and a literal":      "role hero name\n\tAl\n\tBo\nrule story\n\t{hero} left\n\tBo left",
		"two values alike":           "role hero name they\n\tAl | he\n\tAlf | he\nrule story\n\t{hero}[tail]\nrule tail\n\t.\n\tf.",
		"far apart":                  "rule story\n\t[a] and a long way from there, [b]\nrule a\n\tx\n\tx and a long way from there\nrule b\n\ty\n\ty and a long way from there, y",
		"only with other characters": "role hero name they\n\tAl | he\n\tBo | she\nrule story\n\t{hero} said {hero.they} left\n\tAl said she left",
	} {
		_, err := NewGrammar(text)
		ambiguous := err != nil && strings.Contains(err.Error(), "two derivations")
		if want := name != "far apart"; ambiguous != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTwoDerivationsHaveTwoTexts searches the tiny grammar for what
// checkUnique excludes: the list has as many texts as there are derivations.
func TestTwoDerivationsHaveTwoTexts(t *testing.T) {
	g := mustGrammar(t, tiny)
	seen := map[string]string{}
	for text := range told(t, g.src) {
		steps, err := g.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		var key strings.Builder
		for _, s := range steps {
			key.WriteString(s.Rule + "=" + s.Took + ";")
		}
		if other, ok := seen[key.String()]; ok {
			t.Errorf("%q and %q have the derivation %s", text, other, &key)
		}
		seen[key.String()] = text
	}
}
