package pedestrian_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
)

const module = "github.com/pedestrian-ml/pedestrian"

// mayImport is the picture of docs/architecture.md: which of our packages each
// package may import. A package that is not listed may not exist.
var mayImport = map[string][]string{
	"":                {},
	"internal/growth": {},
	"internal/jinja":  {},
	"internal/kernel": {},
	"internal/memory": {},
	"internal/mpi":    {"internal/kernel"},
	"internal/random": {},
	"durable":         {},
	"token":           {},
	"docs":            {},
	"gguf":            {"safetensors"},
	"pickle":          {"safetensors"},
	"safetensors":     {},
	"tfevents":        {},
	"paper":           {""},
	"engine":          {"", "internal/kernel"},
	"gradcheck":       {"", "paper"},
	"parity":          {"", "paper", "engine", "gradcheck"},
	"derive":          {"", "paper"},
	"studio":          {"", "docs", "paper", "gradcheck", "derive"},
	"studio/live":     {"", "engine", "token", "corpus", "generate", "train", "studio"},
	"studio/livewasm": {"studio/live"},
	"studio/ui":       {},
	"studio/server":   {"studio", "studio/ui"},
	"studio/site":     {"durable", "studio/server", "studio/ui"},
	"studio/wasm":     {"studio"},
	"studio/sheet":    {"", "studio", "studio/ui", "paper", "gradcheck"},
	"exercises":       {"paper"},
	"lesson":          {"paper", "derive", "gradcheck", "docs"},
	"parquet":         {},
	"corpus":          {"token", "parquet", "internal/jinja", "internal/memory"},
	"generate":        {"", "engine", "token", "corpus", "internal/random"},
	"train":           {"", "engine", "token", "corpus", "generate", "durable", "safetensors", "tfevents", "internal/memory", "internal/random"},
	"hub":             {"", "token", "durable", "safetensors", "gguf", "pickle", "internal/memory"},
	"eval":            {"", "engine", "token", "corpus", "internal/memory"},
	"model":           {"", "engine", "token", "corpus", "durable", "generate", "train", "hub", "internal/memory"},
	"cmd/pedestrian":  {"", "internal/kernel", "internal/memory", "internal/mpi", "docs", "token", "paper", "engine", "gradcheck", "parity", "derive", "lesson", "corpus", "safetensors", "gguf", "durable", "generate", "train", "hub", "model", "eval", "studio", "studio/live", "studio/server", "studio/sheet", "studio/site"},

	"internal/faultdisk":   {"durable"},
	"examples/train":       {"", "token", "corpus", "generate", "train"},
	"examples/finetune":    {"", "corpus", "train", "hub", "model"},
	"examples/generate":    {"engine", "generate", "hub", "model"},
	"examples/layer":       {"paper", "gradcheck"},
	"examples/safetensors": {"safetensors"},

	"internal/mutants":    {},
	"internal/release":    {},
	"internal/diagram":    {"", "paper", "engine", "studio", "studio/sheet"},
	"internal/golden":     {""},
	"internal/trajectory": {"", "internal/golden"},
}

// standsAlone lists the packages that stand on the standard library and
// golang.org/x/sys/cpu alone.
var standsAlone = []string{"", "internal/kernel", "paper", "engine", "gradcheck", "parity", "derive", "studio", "safetensors"}

// inBrowser lists the packages that must build for GOOS=js GOARCH=wasm: the portable
// path, without processes, locks or sockets.
var inBrowser = []string{"", "paper", "gradcheck", "derive", "lesson", "studio", "studio/wasm", "engine", "token", "corpus", "generate", "durable", "train", "hub", "model", "studio/live", "studio/livewasm"}

// goList returns the import path of each package with what it imports.
func goList(t *testing.T, args ...string) map[string][]string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-f", `{{.ImportPath}} {{join .Imports " "}}`}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	m := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		m[f[0]] = f[1:]
	}
	return m
}

// ours turns an import path of this module into the folder's name.
func ours(path string) (string, bool) {
	if path == module {
		return "", true
	}
	return strings.CutPrefix(path, module+"/")
}

func TestImportsPointDown(t *testing.T) {
	for path, imports := range goList(t, "./...") {
		name, _ := ours(path)
		allowed, known := mayImport[name]
		if !known {
			t.Errorf("package %q is not in the picture: add it to docs/architecture.md and to mayImport", name)
		}
		for _, i := range imports {
			if i == "C" {
				t.Errorf("%s uses cgo", name)
			}
			if n, ok := ours(i); ok && !slices.Contains(allowed, n) {
				t.Errorf("%s may not import %s", name, n)
			}
		}
	}
}

func TestRungsStandAlone(t *testing.T) {
	for _, name := range standsAlone {
		for path, imports := range goList(t, "-deps", "./"+name) {
			_, own := ours(path)
			if std := !strings.Contains(strings.SplitN(path, "/", 2)[0], "."); own || std {
				continue
			}
			if path != "golang.org/x/sys/cpu" {
				t.Errorf("%s depends on %s, which imports %v", name, path, imports)
			}
		}
	}
}

// The command is linked statically: what loads libraries is in it with the tag mpi alone.
func TestStaticWithoutTag(t *testing.T) {
	const loader = "github.com/ebitengine/purego"
	if _, ok := goList(t, "-deps", "./cmd/pedestrian")[loader]; ok {
		t.Errorf("cmd/pedestrian depends on %s: it is no longer linked statically", loader)
	}
}

// TestBrowserPackages checks that .ci/run builds exactly these packages for a browser.
func TestBrowserPackages(t *testing.T) {
	script, err := os.ReadFile(".ci/run")
	if err != nil {
		t.Fatal(err)
	}
	build := "GOOS=js GOARCH=wasm go build"
	for _, name := range inBrowser {
		build += " " + strings.TrimSuffix("./"+name, "/")
	}
	if !slices.Contains(strings.Split(string(script), "\n"), build) {
		t.Errorf(".ci/run lacks the line %q", build)
	}
}

// greek is every letter beyond ASCII that an identifier may have: locals,
// parameters and results of package paper, and of tests. U+00B5, the micro sign, looks like μ and is
// another letter.
const greek = "ΔΣρμσεαβāδθ"

func TestGreekIsForThePaper(t *testing.T) {
	eachFile(t, func(path string, fset *token.FileSet, f *ast.File) {
		inPaper := strings.HasPrefix(path, "paper/") || strings.HasSuffix(path, "_test.go")
		ast.Inspect(f, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if !ok {
				return true
			}
			for _, r := range id.Name {
				if r <= unicode.MaxASCII {
					continue
				}
				if !strings.ContainsRune(greek, r) {
					t.Errorf("%s: %q has %q (%U), which is not one of %s", fset.Position(id.Pos()), id.Name, r, r, greek)
				} else if !inPaper {
					t.Errorf("%s: %q: Greek is for package paper and for tests", fset.Position(id.Pos()), id.Name)
				}
			}
			return true
		})
		for _, d := range f.Decls {
			for _, id := range declared(d) {
				if !ast.IsExported(id.Name) {
					continue
				}
				for _, r := range id.Name {
					if r > unicode.MaxASCII {
						t.Errorf("%s: %s is exported: Greek is for locals, parameters and results", fset.Position(id.Pos()), id.Name)
					}
				}
			}
		}
	})
}

// declared lists the names that a top-level declaration introduces.
func declared(d ast.Decl) (ids []*ast.Ident) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		ids = append(ids, d.Name)
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				ids = append(ids, s.Name)
			case *ast.ValueSpec:
				ids = append(ids, s.Names...)
			}
		}
	}
	return ids
}

// TestLayersAreMirrored checks that a layer's file has one name on both rungs.
func TestLayersAreMirrored(t *testing.T) {
	for _, layer := range []string{"embedding", "attention", "layernorm", "fc", "activation", "lora", "loss", "network", "rotary"} {
		for _, rung := range []string{"paper", "engine"} {
			if _, err := os.Stat(filepath.Join(rung, layer+".go")); err != nil {
				t.Errorf("%s has no %s.go", rung, layer)
			}
		}
	}
}

// TestTreeIsShallow keeps folders at two levels and forbids rooms without a noun.
func TestTreeIsShallow(t *testing.T) {
	eachFile(t, func(path string, _ *token.FileSet, f *ast.File) {
		dir := filepath.ToSlash(filepath.Dir(path))
		if strings.Count(dir, "/") > 1 && !strings.HasPrefix(dir, "internal/kernel/") && !strings.HasPrefix(dir, "studio/web") {
			t.Errorf("%s lies deeper than two folders", path)
		}
		for part := range strings.SplitSeq(dir, "/") {
			if slices.Contains([]string{"util", "utils", "common", "helpers", "types", "pkg"}, part) {
				t.Errorf("%s: %q is not a noun of this house", path, part)
			}
		}
	})
}

// TestNoLooseEnds forbids marks of unfinished work.
func TestNoLooseEnds(t *testing.T) {
	marks := []string{"TO" + "DO", "FIX" + "ME", "t.Sk" + "ip(", "X" + "XX"}
	eachFile(t, func(path string, _ *token.FileSet, _ *ast.File) {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range marks {
			if i := strings.Index(string(src), m); i >= 0 && path != "architecture_test.go" {
				t.Errorf("%s:%d: %s", path, 1+strings.Count(string(src[:i]), "\n"), m)
			}
		}
	})
}

// eachFile parses every Go file of the module.
func eachFile(t *testing.T, visit func(path string, fset *token.FileSet, f *ast.File)) {
	t.Helper()
	fset := token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "runs") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		visit(filepath.ToSlash(path), fset, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What is said first, and what is written first, must not depend on the order of a map,
// which differs from run to run: a map that is written out is ranged over nowhere.
func TestNoOrderOfMaps(t *testing.T) {
	eachFile(t, func(path string, fset *token.FileSet, f *ast.File) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if r, ok := n.(*ast.RangeStmt); ok {
				if c, ok := r.X.(*ast.CompositeLit); ok {
					if _, ok := c.Type.(*ast.MapType); ok {
						t.Errorf("%s ranges over a map that is written out: a list keeps its order", fset.Position(r.Pos()))
					}
				}
			}
			return true
		})
	})
}
