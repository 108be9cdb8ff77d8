package lesson

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/pedestrian-ml/pedestrian/derive"
	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// A Kind says what an entry is.
type Kind string

const (
	Equation Kind = "equation"    // of the registry: 25, 31.a, L3, T2
	Identity Kind = "identity"    // that gradients obey: R1, X1, Y1
	Bug      Kind = "planted bug" // M1 and so on, and at bf16 B1
	Erratum  Kind = "erratum"     // of the paper: S1, C1, N1
	Case     Kind = "case"        // a network that verify checks: paper, llama
	Exercise Kind = "exercise"    // of derive: w_q, softmax
)

// Kinds are all of them, in the order in which they are listed.
var Kinds = []Kind{Equation, Identity, Bug, Erratum, Case, Exercise}

// An Entry is one thing that can be explained.
type Entry struct {
	Code    string `json:"code"` // what it is called: "25", "R13", "paper"
	Kind    Kind   `json:"kind"`
	Title   string `json:"title"`
	Chapter string `json:"chapter,omitempty"` // the file of its chapter under docs, such as "03-attention.md"

	words []string // that find it, in lower case
}

// Entries lists everything that can be explained, by kinds, each in its own order.
func Entries() []Entry { return slices.Clone(entries()) }

var entries = sync.OnceValue(func() (all []Entry) {
	for _, e := range paper.Equations {
		file, anchor := place(e.Derivation)
		words := append(topics(file, anchor), strings.TrimPrefix(e.Func, "paper."))
		for _, src := range e.Expr {
			words = append(words, defined(src)...)
			words = append(words, functionNames.FindAllString(src, -1)...)
		}
		all = append(all, Entry{Code: e.Number, Kind: Equation, Title: e.Title, Chapter: file, words: wordsOf(e.Title, words...)})
	}
	for _, i := range gradcheck.Identities() {
		all = append(all, Entry{Code: i.ID, Kind: Identity, Title: i.Title, Chapter: chapterOf(i.Eqs), words: wordsOf(i.Title)})
	}
	for _, m := range gradcheck.Bugs() {
		all = append(all, Entry{Code: m.ID, Kind: Bug, Title: m.Title, Chapter: chapterOf(inParentheses(m.Where)), words: wordsOf(m.Title + " " + m.Where)})
	}
	for _, b := range roundingBugs() {
		all = append(all, Entry{Code: b.code, Kind: Bug, Title: b.title(), words: wordsOf("bf16 rounding")})
	}
	for _, e := range errata() {
		all = append(all, Entry{Code: e.code, Kind: Erratum, Title: e.title, Chapter: "errata.md", words: wordsOf(e.title)})
	}
	for _, c := range gradcheck.Cases() {
		all = append(all, Entry{Code: c.Name, Kind: Case, Title: c.Title, words: wordsOf(c.Title, c.Name)})
	}
	for _, x := range derive.Exercises {
		file := ""
		if e, ok := paper.FindEquation(x.Eq); ok {
			file, _ = place(e.Derivation)
		}
		all = append(all, Entry{Code: x.ID, Kind: Exercise, Title: x.Title, Chapter: file, words: wordsOf(x.Title, append(strings.Split(x.ID, "_"), x.ID)...)})
	}
	return all
})

// place divides "docs/03-attention.md#eq-25" into the chapter's file and the anchor.
func place(at string) (file, anchor string) {
	file, anchor, _ = strings.Cut(strings.TrimPrefix(at, "docs/"), "#")
	return file, anchor
}

// chapterOf is the chapter of the first equation that a list of numbers names.
func chapterOf(numbers string) string {
	for _, n := range numbersIn(numbers) {
		if e, ok := paper.FindEquation(n); ok {
			file, _ := place(e.Derivation)
			return file
		}
	}
	return ""
}

var parentheses = regexp.MustCompile(`\(([^()]+)\)`)

// inParentheses is what stands in parentheses in a text, with commas between.
func inParentheses(text string) string {
	var all []string
	for _, m := range parentheses.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return strings.Join(all, ", ")
}

var functionNames = regexp.MustCompile(`softmax|silu|gelu|ohe|concat|slice|rowdot|frob`)

// defined are the names on the left of a line, as they are typed and as they are typeset, and
// of a gradient that of its parameter too.
func defined(src string) (names []string) {
	name, _, ok := strings.Cut(src, " == ")
	if !ok || strings.ContainsAny(name, " ([") {
		return nil
	}
	names = append(names, name, derive.Symbol(name, false))
	if p, ok := strings.CutPrefix(name, "dL/d"); ok {
		names = append(names, p, "db"+p, "∂"+p)
	}
	return names
}

// topics are words for what a section is about, by the chapter and the anchor.
func topics(file, anchor string) []string {
	words := map[string]string{
		"02-loss-embedding.md": "", "03-attention.md": "attention head", "04-multihead.md": "attention multihead heads", "05-layernorm.md": "layernorm normalization norm ln",
		"06-lora.md": "lora adapter", "07-network.md": "network", "09-llama.md": "llama",
	}[file]
	for _, t := range []struct{ anchors, words string }{
		{"loss delta-logits", "loss crossentropy logits"}, {"1 2 3", "embedding lookup"}, {"49 50 51 52 frobenius-cycle recursion", "rules dot trace frobenius"},
		{"13 27 l20", "mask causal"}, {"kv-cache l21", "kv cache kvcache"}, {"10 12 28", "scores"}, {"fc", "linear dense fullyconnected"}, {"dora", "dora"},
		{"l1 l2 l3 l4 l5 l6", "rmsnorm rms norm normalization"}, {"l7-a l7-b l7-c l7-d l8 l9 l10 l11 l12", "rotary rope positions rotation"}, {"l13 l14 l15-a l15-b l16", "swiglu gated gate silu mlp geglu"},
		{"l17 l18-a l18-b l18-c l19", "gqa grouped groups attention"}, {"l19", "qknorm"}, {"l20", "window sliding"}, {"skip", "residual"}, {"tied l23", "tying"},
		{"batchnorm 39", "batchnorm bn"}, {"activation", "relu gelu"}, {"24 29 32-a 32-b 42 19 l12", "bias"},
	} {
		if slices.Contains(strings.Fields(t.anchors), strings.TrimPrefix(anchor, "eq-")) {
			words += " " + t.words
		}
	}
	return strings.Fields(words)
}

var notWords = regexp.MustCompile(`[^\p{L}\p{N}_^/.'-]+`)

// noise are words that say nothing of their own.
var noise = strings.Fields("a an the of in on and or to is are it its by with for from that what as at be not no own one two all each every but than which so while if where there their them they this into does do has have let who whose out up")

// wordsOf are the words of a title, and others, in lower case and without doubles.
func wordsOf(title string, others ...string) (words []string) {
	for _, w := range append(notWords.Split(title, -1), others...) {
		if w = plain(strings.TrimSuffix(strings.Trim(w, ".,-'"), "'s")); w != "" && !slices.Contains(noise, w) && !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	return words
}

// plain is a word as it is compared: in lower case, without blanks, hyphens and underscores,
// and Greek letters by their names.
func plain(w string) string {
	w = strings.ToLower(w)
	for _, g := range []struct{ letter, name string }{{"δ", "d"}, {"ρ", "rho"}, {"σ", "sigma"}, {"μ", "mu"}, {"α", "alpha"}, {"θ", "theta"}, {"ω", "omega"}, {"ε", "eps"}, {"ℓ", "l"}, {"∂l/∂", "dl/d"}, {"∂", "d"}} {
		w = strings.ReplaceAll(w, g.letter, g.name)
	}
	return strings.NewReplacer(" ", "", "-", "", "_", "", "^", "", "{", "", "}", "").Replace(w)
}

// A roundingBug is what one code of bf16 means in each kind of network.
type roundingBug struct {
	code  string
	of    []string // titles: of table 2, of the Llama family
	where []string
}

func (b roundingBug) title() string {
	if len(b.of) == 2 && b.of[0] != "" && b.of[0] != b.of[1] {
		return b.of[0] + "; in a network of the Llama family: " + b.of[1]
	}
	return b.of[len(b.of)-1]
}

// roundingBugs joins the lists of both kinds of networks.
func roundingBugs() (all []roundingBug) {
	llama, _ := gradcheck.Find("llama")
	for at, c := range []gradcheck.Case{gradcheck.Paper(), llama} {
		for i, m := range gradcheck.RoundingBugs(c.Config) {
			if i == len(all) {
				all = append(all, roundingBug{code: m.ID, of: make([]string, at), where: make([]string, at)})
			}
			b := &all[i]
			b.of, b.where = append(b.of, m.Title), append(b.where, m.Where)
		}
	}
	return all
}

func (e Entry) String() string { return fmt.Sprintf("%s %s: %s", e.Kind, e.Code, e.Title) }
