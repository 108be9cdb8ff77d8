package docs_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the code excerpts of the chapters from the sources")

// An excerpt is a marker such as
//
//	<!-- excerpt: paper/layernorm.go LayerNorm -->
//
// with the fenced block below it, if there is one yet. The name is a function, a
// type, or a method written Type.Method. With the word "contract" behind it the
// block holds a kernel's comment and signature, and not the body that may differ
// from machine to machine.
var excerpt = regexp.MustCompile("(?m)^<!-- excerpt: (\\S+) (\\S+)( contract)? -->\n(?:```go\n(?s:.*?)^```\n)?")

// TestExcerpts checks that the code in the chapters and in README.md is the code of the tree;
// with -update it makes it so.
func TestExcerpts(t *testing.T) {
	count := 0
	pages := chapters(t)
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	pages["../README.md"] = string(readme)
	for path, text := range pages {
		want := excerpt.ReplaceAllStringFunc(text, func(block string) string {
			count++
			m := excerpt.FindStringSubmatch(block)
			code, err := declaration(m[1], m[2], m[3] != "")
			if err != nil {
				t.Errorf("%s: %v", path, err)
				return block
			}
			return fmt.Sprintf("<!-- excerpt: %s %s%s -->\n```go\n// %s\n\n%s\n```\n", m[1], m[2], m[3], m[1], code)
		})
		if n := strings.Count(text, "<!-- excerpt"); n != len(excerpt.FindAllString(text, -1)) {
			t.Errorf("%s: %d markers, of which only %d can be read", path, n, len(excerpt.FindAllString(text, -1)))
		}
		if want == text {
			continue
		}
		if !*update {
			t.Errorf("%s: excerpts differ from the sources: run go test ./docs -run TestExcerpts -update", path)
			continue
		}
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if count == 0 {
		t.Error("no chapter has an excerpt")
	}
}

// declaration is the source of one declaration of a file, without its comment; or
// the comment and the signature of a function.
func declaration(path, name string, contract bool) (string, error) {
	src, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(path)))
	if err != nil {
		return "", fmt.Errorf("excerpt of %s: %w", name, err)
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, path, src, parser.ParseComments)
	if err != nil {
		return "", fmt.Errorf("excerpt of %s: %w", name, err)
	}
	for _, d := range f.Decls {
		if n, ok := declaredName(d); ok && n == name {
			if fn, ok := d.(*ast.FuncDecl); ok && contract && fn.Doc != nil {
				return string(src[fset.Position(fn.Doc.Pos()).Offset:fset.Position(fn.Type.End()).Offset]), nil
			}
			return string(src[fset.Position(d.Pos()).Offset:fset.Position(d.End()).Offset]), nil
		}
	}
	return "", fmt.Errorf("%s declares no %s", path, name)
}

// declaredName is what an excerpt calls a declaration.
func declaredName(d ast.Decl) (string, bool) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			return d.Name.Name, true
		}
		recv := d.Recv.List[0].Type
		if p, ok := recv.(*ast.StarExpr); ok {
			recv = p.X
		}
		if g, ok := recv.(*ast.IndexExpr); ok {
			recv = g.X
		}
		if id, ok := recv.(*ast.Ident); ok {
			return id.Name + "." + d.Name.Name, true
		}
	case *ast.GenDecl:
		if len(d.Specs) == 1 {
			if s, ok := d.Specs[0].(*ast.TypeSpec); ok {
				return s.Name.Name, true
			}
		}
	}
	return "", false
}

// chapters reads every page of this folder.
func chapters(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("*.md")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no chapters: %v", err)
	}
	pages := map[string]string{}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		pages[p] = string(b)
	}
	return pages
}
