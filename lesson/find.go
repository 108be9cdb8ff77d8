package lesson

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// Find returns what typed names: one entry for a code, such as 25, (31.A), r13 or "table 1";
// several for a number that has only parts, a range such as 36-42 or L1-L3, a chapter such as
// "chapter 5", or a word. A kind before the code, as in "case tied", chooses among entries of
// one name. nil where nothing has that name.
func Find(typed string) []Entry {
	typed = strings.ToLower(strings.Join(strings.Fields(typed), " "))
	if kind, rest, ok := cutKind(typed); ok {
		var of []Entry
		for _, e := range entries() {
			if e.Kind == kind && (strings.EqualFold(e.Code, rest) || plain(e.Code) == plain(rest)) {
				of = append(of, e)
			}
		}
		if of != nil || kind != Equation {
			return of
		}
		typed = rest
	}
	if k := kindOf(typed); k != "" {
		return ofKind(k)
	}
	if c := chapter.FindStringSubmatch(typed); c != nil {
		return inChapter(c[1])
	}
	if e, ok := coded(typed); ok {
		return []Entry{e}
	}
	var listed []Entry
	for _, n := range numbersIn(typed) {
		if e, ok := coded(n); ok && !slices.ContainsFunc(listed, func(l Entry) bool { return l.Code == e.Code }) {
			listed = append(listed, e)
		}
	}
	if listed != nil {
		return listed
	}
	return byWord(typed)
}

// kindWords are what a kind may be called before a code.
var kindWords = []struct {
	word string
	kind Kind
}{
	{"equation", Equation}, {"eq.", Equation}, {"eq", Equation}, {"identity", Identity}, {"planted bug", Bug}, {"bug", Bug}, {"mutant", Bug}, {"erratum", Erratum}, {"errata", Erratum}, {"case", Case}, {"exercise", Exercise},
}

func cutKind(typed string) (k Kind, rest string, ok bool) {
	for _, w := range kindWords {
		rest, ok := strings.CutPrefix(typed, w.word)
		if first := strings.TrimLeft(rest, " "); ok && first != "" && (first != rest || strings.HasPrefix(rest, "(")) {
			return w.kind, strings.Trim(first, "() "), true
		}
	}
	return "", "", false
}

// kindOf is the kind that a plural names, such as "identities"; "" where it names none.
func kindOf(typed string) Kind {
	switch typed {
	case "equations":
		return Equation
	case "identities", "laws", "properties":
		return Identity
	case "bugs", "planted bugs", "mutants":
		return Bug
	case "errata", "erratum":
		return Erratum
	case "cases":
		return Case
	case "exercises":
		return Exercise
	}
	return ""
}

func ofKind(k Kind) (all []Entry) {
	for _, e := range entries() {
		if e.Kind == k {
			all = append(all, e)
		}
	}
	return all
}

var chapter = regexp.MustCompile(`^(?:chapter|section|§) ?(\d+)$`)

// inChapter are the entries whose chapter has a number.
func inChapter(number string) (all []Entry) {
	for _, e := range entries() {
		if n, _, ok := strings.Cut(e.Chapter, "-"); ok && strings.TrimLeft(n, "0") == number {
			all = append(all, e)
		}
	}
	return all
}

// coded is the entry of a code: an equation, an identity, a planted bug or an erratum.
func coded(typed string) (Entry, bool) {
	code := strings.Trim(typed, "() ")
	if t, ok := strings.CutPrefix(code, "table "); ok {
		code = "t" + strings.TrimSpace(t)
	}
	for _, e := range entries() {
		if e.Kind != Case && e.Kind != Exercise && strings.EqualFold(e.Code, code) {
			return e, true
		}
	}
	return Entry{}, false
}

var (
	separators = regexp.MustCompile(`[,;+]|\band\b`)
	span       = regexp.MustCompile(`^([a-z]*)(\d+)(?:\.([a-z]))?[-–…]([a-z]*)(\d*)(?:\.?([a-z]))?$`)
)

// numbersIn are the codes in a list such as "5.a-d, 6", "36-42", "L1-L3", "3+T3" or
// "tables 1-3": those of ranges one by one, and of a number with parts each part.
func numbersIn(list string) (codes []string) {
	list = strings.ToLower(list)
	for _, p := range separators.Split(list, -1) {
		p = strings.Trim(p, "() .")
		if t, ok := strings.CutPrefix(p, "tables "); ok {
			p = "t" + t
		}
		p = strings.ReplaceAll(p, "table ", "t")
		m := span.FindStringSubmatch(p)
		switch {
		case m == nil:
			codes = append(codes, partsOf(p)...)
		case m[5] == "" || m[3] != "": // 5.a-d
			last := (m[4] + m[6] + "z")[0]
			for c := (m[3] + "a")[0]; c <= last && c <= 'z'; c++ {
				codes = append(codes, partsOf(m[1]+m[2]+"."+string(c))...)
			}
		default:
			from, _ := strconv.Atoi(m[2])
			to, _ := strconv.Atoi(m[5])
			for n := from; n <= min(to, from+99); n++ {
				codes = append(codes, partsOf(m[1]+strconv.Itoa(n))...)
			}
		}
	}
	return codes
}

// partsOf is a code as it is, or the lettered parts of an equation's number that has only those.
func partsOf(code string) (codes []string) {
	if code == "" {
		return nil
	}
	for _, e := range paper.Equations {
		if n := strings.ToLower(e.Number); strings.HasPrefix(n, code+".") {
			codes = append(codes, n)
		}
	}
	if _, ok := paper.FindEquation(code); ok || codes == nil {
		return []string{code}
	}
	return codes
}

// byWord are the entries that have a word, or all words of several; where none has, those in
// which it begins a word.
func byWord(typed string) []Entry {
	asked := []string{plain(typed)}
	found := having(asked, func(have, ask string) bool { return have == ask })
	if found == nil && strings.Contains(typed, " ") {
		asked = wordsOf(typed)
		found = having(asked, func(have, ask string) bool { return have == ask })
	}
	if found == nil && len(plain(typed)) >= 3 {
		found = having(asked, strings.HasPrefix)
	}
	return found
}

func having(asked []string, same func(have, ask string) bool) (found []Entry) {
	if len(asked) == 0 || asked[0] == "" {
		return nil
	}
	for _, e := range entries() {
		all := true
		for _, ask := range asked {
			all = all && (same(plain(e.Code), ask) && e.Kind != Equation || slices.ContainsFunc(e.words, func(w string) bool { return same(w, ask) }))
		}
		if all {
			found = append(found, e)
		}
	}
	return found
}

// Nearest is the code or word that is spelled most like typed, "" where none is near.
func Nearest(typed string) string {
	ask := plain(strings.Trim(typed, "() "))
	best, near := max(1, len(ask)/3)+1, ""
	try := func(candidate, shown string) {
		if ask == "" || candidate == "" || candidate[0] != ask[0] { // who types a word begins it right
			return
		}
		if d := levenshtein.Distance(ask, candidate, nil); d < best && d < len(ask) {
			best, near = d, shown
		}
	}
	for _, e := range entries() {
		try(strings.ToLower(e.Code), e.Code)
	}
	for _, e := range entries() {
		for _, w := range e.words {
			if len(w) > 3 {
				try(w, w)
			}
		}
	}
	return near
}
