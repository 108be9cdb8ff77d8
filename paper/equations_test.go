package paper

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// A function is what the source says of one: the equations that its calls of Eq
// and Vec record, and its comments.
type function struct {
	records  map[string]bool
	comments string
}

// readSource parses this package: its functions ("Attention", "HeadCache.Next")
// without tests, every equation recorded or cited by number with where, and the
// names of tests.
func readSource(t *testing.T) (functions map[string]function, cited map[string]string, tests map[string]bool) {
	t.Helper()
	functions, cited, tests = map[string]function{}, map[string]string{}, map[string]bool{}
	number := regexp.MustCompile(`\((L?\d+(?:\.[a-z])?)\)`)
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		f, err := parser.ParseFile(fset, e.Name(), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range f.Comments {
			for _, m := range number.FindAllStringSubmatch(c.Text(), -1) {
				cited[m[1]] = fset.Position(c.Pos()).String()
			}
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if strings.HasSuffix(e.Name(), "_test.go") {
				tests[fn.Name.Name] = true
				continue
			}
			is := function{records: map[string]bool{}, comments: fn.Doc.Text()}
			for _, c := range f.Comments {
				if fn.Pos() <= c.Pos() && c.End() <= fn.End() {
					is.comments += c.Text()
				}
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) != 3 {
					return true
				}
				if sel, ok := call.Fun.(*ast.SelectorExpr); !ok || sel.Sel.Name != "Eq" && sel.Sel.Name != "Vec" {
					return true
				}
				if lit, ok := call.Args[0].(*ast.BasicLit); ok {
					if eq, _ := strconv.Unquote(lit.Value); eq != "" {
						is.records[eq] = true
						cited[eq] = fset.Position(lit.Pos()).String()
					}
				}
				return true
			})
			name := fn.Name.Name
			if fn.Recv != nil {
				recv := fn.Recv.List[0].Type
				if star, ok := recv.(*ast.StarExpr); ok {
					recv = star.X
				}
				name = recv.(*ast.Ident).Name + "." + name
			}
			functions[name] = is
		}
	}
	return functions, cited, tests
}

// TestEquations holds the registry against the source, in both directions.
func TestEquations(t *testing.T) {
	functions, cited, tests := readSource(t)
	known := map[string]bool{}
	for _, e := range Equations {
		for _, complaint := range complaints(e, functions, tests) {
			t.Errorf("equation (%s): %s", e.Number, complaint)
		}
		if known[e.Number] {
			t.Errorf("equation (%s) has two entries", e.Number)
		}
		known[e.Number] = true
	}
	for number, where := range cited {
		if !known[number] {
			t.Errorf("%s cites equation (%s), which has no entry", where, number)
		}
	}
	if len(cited) < 40 {
		t.Errorf("only %d equations are cited: the search is broken", len(cited))
	}
}

// complaints lists what is wrong with an entry.
func complaints(e Equation, functions map[string]function, tests map[string]bool) (all []string) {
	say := func(bad bool, format string, args ...any) {
		if bad {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	say(e.Number == "", "no number")
	say(e.Title == "", "no title")
	say(e.ASCII == "", "no ASCII")
	say(strings.ContainsFunc(e.ASCII, func(r rune) bool { return r > unicode.MaxASCII }), "ASCII is not ASCII: %s", e.ASCII)
	say(e.TeX == "", "no TeX")
	say(strings.Count(e.TeX, "{") != strings.Count(e.TeX, "}") || strings.Count(e.TeX, `\left`) != strings.Count(e.TeX, `\right`), "braces do not balance: %s", e.TeX)
	say(strings.Count(e.ASCII, "(") != strings.Count(e.ASCII, ")") || strings.Count(e.ASCII, "[") != strings.Count(e.ASCII, "]"), "brackets do not balance: %s", e.ASCII)
	say(e.Shapes == "", "no shapes")
	say(!tests[e.Check], "its check %q is not a test of this package", e.Check)
	say(!regexp.MustCompile(`^docs/(0[2-79]-[a-z-]+|notation)\.md#eq-[a-z0-9-]+$`).MatchString(e.Derivation), "derivation %q", e.Derivation)
	for _, id := range e.Identities {
		say(!regexp.MustCompile(`^(R([1-9]|[12]\d|30)|X([1-9]|1[0-3])|Y([1-9]|1[0-8]))$`).MatchString(id), "identity %q", id)
	}
	say((e.Why != "") != (e.Status == Notation), "status %q and reason %q", e.Status, e.Why)
	switch e.Status {
	case Implemented:
		name, inPaper := strings.CutPrefix(e.Func, "paper.")
		fn, ok := functions[name]
		say(!inPaper || !ok, "no function %q", e.Func)
		say(ok && !fn.records[e.Number] && !strings.Contains(fn.comments, "("+e.Number+")"), "%s neither records nor cites it", e.Func)
	case Demonstrated, Notation:
		say(e.Func != "", "a function, %s, and the status %q", e.Func, e.Status)
	default:
		say(true, "status %q", e.Status)
	}
	return all
}

// TestComplaints: an entry that lacks anything is complained about, so that
// TestEquations is worth passing.
func TestComplaints(t *testing.T) {
	functions := map[string]function{"F": {records: map[string]bool{"99": true}}, "G": {comments: "as in (99)\n"}, "H": {}}
	tests := map[string]bool{"TestIt": true}
	good := Equation{Number: "99", Title: "t", ASCII: "a = b", TeX: "a=b", Shapes: "n_T", Func: "paper.F", Check: "TestIt",
		Identities: []string{"R30", "X12"}, Derivation: "docs/02-loss-embedding.md#eq-99", Status: Implemented}
	for name, break_ := range map[string]func(e *Equation){
		"no number":          func(e *Equation) { e.Number = "" },
		"no title":           func(e *Equation) { e.Title = "" },
		"no ASCII":           func(e *Equation) { e.ASCII = "" },
		"Greek":              func(e *Equation) { e.ASCII = "Δ = b" },
		"a bracket":          func(e *Equation) { e.ASCII = "(a = b" },
		"no TeX":             func(e *Equation) { e.TeX = "" },
		"a brace":            func(e *Equation) { e.TeX = "{a=b" },
		"no shapes":          func(e *Equation) { e.Shapes = "" },
		"no check":           func(e *Equation) { e.Check = "" },
		"another check":      func(e *Equation) { e.Check = "TestOther" },
		"no derivation":      func(e *Equation) { e.Derivation = "" },
		"another identity":   func(e *Equation) { e.Identities = []string{"R31"} },
		"no status":          func(e *Equation) { e.Status = "" },
		"no function":        func(e *Equation) { e.Func = "" },
		"no such function":   func(e *Equation) { e.Func = "paper.Z" },
		"not cited there":    func(e *Equation) { e.Func = "paper.H" },
		"a reason":           func(e *Equation) { e.Why = "why not" },
		"notation, no why":   func(e *Equation) { e.Status, e.Func = Notation, "" },
		"shown, a function":  func(e *Equation) { e.Status = Demonstrated },
		"shown, by no check": func(e *Equation) { e.Status, e.Func, e.Check = Demonstrated, "", "" },
	} {
		e := good
		if break_(&e); len(complaints(e, functions, tests)) == 0 {
			t.Errorf("%s: no complaint", name)
		}
	}
	inComment := good
	inComment.Func = "paper.G"
	for _, e := range []Equation{good, inComment} {
		if all := complaints(e, functions, tests); all != nil {
			t.Errorf("%s: %v", e.Func, all)
		}
	}
}

// TestEveryEquationOfThePaper: no number of the paper is missing, and those with
// parts have exactly these.
func TestEveryEquationOfThePaper(t *testing.T) {
	parts := map[int]string{5: "abcd", 9: "ab", 30: "ab", 31: "ab", 32: "ab", 55: "ab"}
	var want []string
	for n := 1; n <= 55; n++ {
		if parts[n] == "" {
			want = append(want, strconv.Itoa(n))
		}
		for _, p := range parts[n] {
			want = append(want, fmt.Sprintf("%d.%c", n, p))
		}
	}
	boxes := []string{"recursion", "loss", "L", "delta12", "3.input", "T1", "permutation", "KV.a", "KV.b", "T-heads", "BN",
		"FC+LoRA", "dropout", "DoRA", "DoRA-N", "FC", "g", "skip", "block", "T2", "T3", "tied", "counts", "cycle"}
	var have []string
	for _, e := range Equations {
		if !slices.Contains(boxes, e.Number) && !slices.ContainsFunc(llamaEquations, func(l Equation) bool { return l.Number == e.Number }) {
			have = append(have, e.Number)
		}
	}
	if !slices.Equal(have, want) {
		t.Errorf("numbered equations are\n%v, want\n%v", have, want)
	}
	for _, number := range append(want, boxes...) {
		if e, ok := FindEquation(number); !ok || e.Number != number {
			t.Errorf("(%s) is not found", number)
		}
	}
	if _, ok := FindEquation("56"); ok {
		t.Error("(56) is found")
	}
}

// TestEveryEquationOfLlama: L1 to L25 in their order, and those with parts.
func TestEveryEquationOfLlama(t *testing.T) {
	parts := map[int]string{7: "abcd", 15: "ab", 18: "abc", 24: "abcd"}
	var want, have []string
	for n := 1; n <= 25; n++ {
		if parts[n] == "" {
			want = append(want, fmt.Sprint("L", n))
		}
		for _, p := range parts[n] {
			want = append(want, fmt.Sprintf("L%d.%c", n, p))
		}
	}
	for _, e := range llamaEquations {
		have = append(have, e.Number)
		if got, ok := FindEquation(strings.ToLower(e.Number)); !ok || got.Number != e.Number {
			t.Errorf("(%s) is not found", e.Number)
		}
	}
	if !slices.Equal(have, want) {
		t.Errorf("equations of the Llama family are\n%v, want\n%v", have, want)
	}
}

// TestErrataAreListed: every entry of the errata that an equation points at is on
// that page.
func TestErrataAreListed(t *testing.T) {
	page, err := os.ReadFile("../docs/errata.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range Equations {
		for _, id := range e.Errata {
			anchor := `<a id="` + strings.ToLower(id) + `"></a>`
			if !strings.Contains(string(page), anchor) && !strings.Contains(string(page), "**"+id+".**") {
				t.Errorf("(%s) points at erratum %s, which docs/errata.md does not have", e.Number, id)
			}
		}
	}
}

// TestDerivationsExist: the page and the anchor of every entry are there.
func TestDerivationsExist(t *testing.T) {
	pages := map[string]string{}
	for _, e := range Equations {
		path, anchor, _ := strings.Cut(e.Derivation, "#")
		if pages[path] == "" {
			page, err := os.ReadFile("../" + path)
			if err != nil {
				t.Fatal(err)
			}
			pages[path] = string(page)
		}
		if !strings.Contains(pages[path], `<a id="`+anchor+`"></a>`) {
			t.Errorf("(%s) is derived at %s, which is not there", e.Number, e.Derivation)
		}
	}
}
