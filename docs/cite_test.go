package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// A tree is what the chapters may cite by name.
type tree struct {
	tests   map[string]bool            // TestX, ExampleX, …
	strings map[string]map[string]bool // string literals of each folder's code, tests left out
}

func readTree(t *testing.T) tree {
	t.Helper()
	all := tree{map[string]bool{}, map[string]map[string]bool{}}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != ".." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "runs") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		if strings.HasSuffix(path, "_test.go") {
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
					all.tests[fn.Name.Name] = true
				}
			}
			return nil
		}
		dir := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../")
		if all.strings[dir] == nil {
			all.strings[dir] = map[string]bool{}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if s, err := strconv.Unquote(l.Value); err == nil {
					all.strings[dir][s] = true
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var (
	citedTest    = regexp.MustCompile("`((?:Test|Example|Benchmark|Fuzz)[A-Z]\\w*)`")
	citedCheck   = regexp.MustCompile(`\b([RXYM][1-9][0-9]?)\b`)
	citedCommand = regexp.MustCompile("`pedestrian ([a-z]+)")
	citedFlag    = regexp.MustCompile("`(?:[^`\n]* )?--([a-z][a-z0-9-]*)")
	citedParam   = regexp.MustCompile("`((?:block\\.0\\.\\w+|tok|pos|lnFinal|logits)\\.(?:w|b|down|up))`")
	citedNumber  = regexp.MustCompile(`\((L?[0-9]+)(\.[a-z])?\)`)
)

// TestCitationsExist checks every test, identity, mutant, command, flag and
// parameter that the chapters name.
func TestCitationsExist(t *testing.T) {
	code := readTree(t)
	commands := map[string]bool{}
	for s := range code.strings["cmd/pedestrian"] {
		word, _, _ := strings.Cut(s, " ")
		commands[word] = true
	}
	flags := code.strings["cmd/pedestrian"]
	for s := range code.strings["train"] { // a setting's name, see train.Setting
		flags[strings.ReplaceAll(s, "_", "-")] = true
	}
	params := map[string]bool{}
	c := pedestrian.Config{Vocab: 2, Context: 2, Width: 2, Heads: 1, Blocks: 1, Activation: pedestrian.ReLU, Bias: true, LogitsBias: true}
	llama := c
	llama.Norm, llama.Positions, llama.Gated, llama.QKNorm = pedestrian.RMSNorm, pedestrian.Rotary, true, true
	for _, c := range []pedestrian.Config{c, llama} {
		for _, p := range pedestrian.NewParams[float64](c).Tensors() {
			params[p.Name] = true
		}
	}
	for _, p := range pedestrian.NewAdapter[float64](c, pedestrian.AdapterConfig{Rank: 1, Scaling: pedestrian.ScalePaper, Targets: pedestrian.Config{Heads: 1}.Targets()}).Tensors() {
		params[p.Name] = true
	}
	for path, text := range chapters(t) {
		prose, _ := split(text)
		cited := func(re *regexp.Regexp, in, what string, known map[string]bool) {
			for _, m := range re.FindAllStringSubmatch(in, -1) {
				if !known[m[1]] {
					t.Errorf("%s cites the %s %s, which does not exist", path, what, m[1])
				}
			}
		}
		cited(citedTest, text, "test", code.tests)
		cited(citedCheck, prose, "identity or mutant", code.strings["gradcheck"])
		cited(citedCommand, text, "command", commands)
		cited(citedFlag, text, "flag", flags)
		cited(citedParam, text, "parameter", params)
	}
}

// TestEquationsExist checks that every equation cited by number has an entry in
// the registry, and that every entry's derivation has its anchor here.
func TestEquationsExist(t *testing.T) {
	numbers := map[string]bool{}
	pages := chapters(t)
	anchors := map[string]string{}
	for path, text := range pages {
		for _, m := range anchor.FindAllStringSubmatch(text, -1) {
			anchors[m[1]] = path
		}
	}
	for _, e := range paper.Equations {
		numbers[e.Number] = true
		if base, _, ok := strings.Cut(e.Number, "."); ok {
			numbers[base] = true
		}
		file, id, _ := strings.Cut(strings.TrimPrefix(e.Derivation, "docs/"), "#")
		if anchors[id] != file {
			t.Errorf("equation %s is derived at %s, an anchor that is not there (it is in %q)", e.Number, e.Derivation, anchors[id])
		}
		for _, x := range e.Errata {
			if !strings.Contains(pages["errata.md"], "**"+x+".**") && anchors[strings.ToLower(x)] != "errata.md" {
				t.Errorf("equation %s has the erratum %s, which errata.md does not list", e.Number, x)
			}
		}
	}
	for path, text := range pages {
		prose, formulas := split(text)
		for _, f := range formulas {
			for _, m := range textNumber.FindAllStringSubmatch(f, -1) {
				prose += " " + m[1]
			}
		}
		for _, m := range citedNumber.FindAllStringSubmatch(prose, -1) {
			if n := m[1] + m[2]; !numbers[n] {
				t.Errorf("%s cites equation (%s), which is not in the registry", path, n)
			}
		}
	}
}

var textNumber = regexp.MustCompile(`\\text\{(\(L?[0-9.a-z]+\))`)
