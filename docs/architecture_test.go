package docs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestPictureIsTheRule compares the table of imports in architecture.md with the
// rule that ../architecture_test.go enforces.
func TestPictureIsTheRule(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "../architecture_test.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	rule := map[string][]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || v.Names[0].Name != "mayImport" {
			return true
		}
		for _, e := range v.Values[0].(*ast.CompositeLit).Elts {
			kv := e.(*ast.KeyValueExpr)
			name := packageName(t, kv.Key)
			rule[name] = []string{}
			for _, i := range kv.Value.(*ast.CompositeLit).Elts {
				rule[name] = append(rule[name], packageName(t, i))
			}
		}
		return false
	})
	if len(rule) == 0 {
		t.Fatal("../architecture_test.go has no mayImport")
	}

	text := chapters(t)["architecture.md"]
	_, table, _ := strings.Cut(text, "## Who may import whom")
	table, _, _ = strings.Cut(table, "\n## ")
	picture := map[string][]string{}
	name := regexp.MustCompile("root|`[a-z/]+`")
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || !name.MatchString(cells[1]) {
			continue
		}
		key := strings.Trim(name.FindString(cells[1]), "`")
		picture[key] = []string{}
		for _, n := range name.FindAllString(cells[2], -1) {
			picture[key] = append(picture[key], strings.Trim(n, "`"))
		}
	}
	for n, want := range rule {
		got, ok := picture[n]
		slices.Sort(got)
		slices.Sort(want)
		if !ok || !slices.Equal(got, want) {
			t.Errorf("architecture.md lets %s import %v, the rule %v", n, got, want)
		}
		delete(picture, n)
	}
	for n := range picture {
		t.Errorf("architecture.md has a package %s that the rule does not know", n)
	}
}

// packageName is what the table calls a package of the rule.
func packageName(t *testing.T, e ast.Expr) string {
	s, err := strconv.Unquote(e.(*ast.BasicLit).Value)
	if err != nil {
		t.Fatal(err)
	}
	if s == "" {
		return "root"
	}
	return s
}

// TestTreeIsDrawn checks that every folder with Go code in it is in the picture
// of the tree.
func TestTreeIsDrawn(t *testing.T) {
	text := chapters(t)["architecture.md"]
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		code, err := filepath.Glob(filepath.Join("..", e.Name(), "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		deeper, err := filepath.Glob(filepath.Join("..", e.Name(), "*", "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(e.Name(), ".") || len(code)+len(deeper) == 0 {
			continue
		}
		if !regexp.MustCompile(`(?m)^[├└]── ` + e.Name() + `/`).MatchString(text) {
			t.Errorf("the tree in architecture.md does not show %s/", e.Name())
		}
	}
}

// TestGreekIsTheRule compares the letters in notation.md with those that
// ../architecture_test.go allows, and with their code points.
func TestGreekIsTheRule(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "../architecture_test.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var rule []rune
	ast.Inspect(f, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && v.Names[0].Name == "greek" {
			s, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			rule = []rune(s)
		}
		return true
	})
	var picture []rune
	for _, m := range regexp.MustCompile(`(?m)^\| (.) \| U\+([0-9A-F]{4}) \|`).FindAllStringSubmatch(chapters(t)["notation.md"], -1) {
		r := []rune(m[1])[0]
		if fmt.Sprintf("%04X", r) != m[2] {
			t.Errorf("notation.md gives %c the code point %s, which is %04X", r, m[2], r)
		}
		picture = append(picture, r)
	}
	slices.Sort(rule)
	slices.Sort(picture)
	if !slices.Equal(rule, picture) {
		t.Errorf("notation.md allows the letters %q, the rule %q", string(picture), string(rule))
	}
}
