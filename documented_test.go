package pedestrian_test

import (
	"go/ast"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestExportedIsDocumented checks that every package says what it is for, and that every
// exported identifier has a comment: a function or a type its own, a constant, a variable
// or a field its own, at the end of its line, or that of its group. A group ends at an
// empty line. The comment of a type is that of a field that it names, and of all fields of
// a struct in one line; that of a function is also of the one in the next line that it names.
func TestExportedIsDocumented(t *testing.T) {
	packages := map[string]bool{}
	eachFile(t, func(path string, fset *token.FileSet, f *ast.File) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		packages[dir] = packages[dir] || f.Doc != nil
		if f.Name.Name == "main" || dir == "internal/faultdisk" { // its methods are those of durable.FS
			return
		}
		missing := func(n ast.Node, name string) {
			t.Errorf("%s: %s is exported and has no comment", fset.Position(n.Pos()), name)
		}
		var above *ast.FuncDecl // whose comment may speak of the function in the next line, too
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Doc == nil && above != nil && fset.Position(d.Pos()).Line == fset.Position(above.End()).Line+1 && strings.Contains(above.Doc.Text(), d.Name.Name) {
					continue
				}
				above = d
				if d.Name.IsExported() && (d.Recv == nil || ast.IsExported(receiver(d))) && d.Doc == nil && !slices.Contains(standard, d.Name.Name) {
					missing(d, d.Name.Name)
				}
			case *ast.GenDecl:
				near := d.Doc != nil
				last := 0
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						if s.Name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
							missing(s, s.Name.Name)
						}
						if st, ok := s.Type.(*ast.StructType); ok && s.Name.IsExported() && fset.Position(st.Pos()).Line != fset.Position(st.End()).Line {
							doc := d.Doc.Text() + s.Doc.Text()
							fields(st, fset, func(n *ast.Ident) {
								if !strings.Contains(doc, n.Name) {
									missing(n, s.Name.Name+"."+n.Name)
								}
							})
						}
					case *ast.ValueSpec:
						line := fset.Position(s.Pos()).Line
						if s.Doc != nil || s.Comment != nil {
							near = true
						} else if line > last+1 && last > 0 && d.Doc == nil {
							near = false
						}
						last = fset.Position(s.End()).Line
						for _, n := range s.Names {
							if n.IsExported() && !near {
								missing(n, n.Name)
							}
						}
					}
				}
			}
		}
	})
	for dir, documented := range packages {
		if !documented {
			t.Errorf("package %s does not say what it is for", dir)
		}
	}
}

// standard are methods of interfaces of the standard library that need no comment.
var standard = []string{"Error", "String", "Unwrap"}

// receiver is the name of a method's type.
func receiver(d *ast.FuncDecl) string {
	name := ""
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && name == "" {
			name = id.Name
		}
		return true
	})
	return name
}

// fields visits the exported fields of a struct that have no comment: none of their own,
// none at the end of their line, and none in their group of lines.
func fields(st *ast.StructType, fset *token.FileSet, visit func(*ast.Ident)) {
	var group []*ast.Field
	flush := func() {
		for _, f := range group {
			if f.Doc != nil || f.Comment != nil {
				group = nil
				return
			}
		}
		for _, f := range group {
			for _, n := range f.Names {
				if n.IsExported() {
					visit(n)
				}
			}
		}
		group = nil
	}
	last := 0
	for _, f := range st.Fields.List {
		at := f.Pos()
		if f.Doc != nil {
			at = f.Doc.Pos()
		}
		if fset.Position(at).Line > last+1 {
			flush()
		}
		group = append(group, f)
		last = fset.Position(f.End()).Line
	}
	flush()
}
