package docs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pages are the chapters and the pages in the root of the repository.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := chapters(t)
	for _, name := range []string{"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "exercises/README.md"} {
		b, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		all["../"+name] = string(b)
	}
	return all
}

var (
	citedFile   = regexp.MustCompile("`(\\.?[A-Za-z][\\w./-]*\\.(?:go|s|md|py|yml|conf|mod|txtar))`")
	citedFolder = regexp.MustCompile("`([a-z][\\w-]*(?:/[\\w-]+)*/)`")
	citedName   = regexp.MustCompile("`([a-z]+)\\.([A-Z]\\w*)(?:\\.([A-Za-z]\\w*))?[`(\\[]")
)

// TestFilesExist looks for every file of source and every folder that prose names.
func TestFilesExist(t *testing.T) {
	bare := map[string]bool{}
	err := filepath.WalkDir("..", func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == ".git" || d.Name() == "runs" || d.Name() == "dist") {
			return fs.SkipDir
		}
		bare[path.Base(filepath.ToSlash(p))] = true
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for page, text := range pages(t) {
		text = fence.ReplaceAllString(text, "")
		for _, m := range citedFile.FindAllStringSubmatch(text, -1) {
			seen++
			if strings.Contains(m[1], "/") && !exists(m[1]) || !strings.Contains(m[1], "/") && !bare[m[1]] {
				t.Errorf("%s names the file %s, which is not there", page, m[1])
			}
		}
		for _, m := range citedFolder.FindAllStringSubmatch(text, -1) {
			seen++
			if top, _, _ := strings.Cut(m[1], "/"); top != "dist" && top != "runs" && !exists(m[1]) {
				t.Errorf("%s names the folder %s, which is not there", page, m[1])
			}
		}
	}
	if seen < 40 {
		t.Errorf("%d files and folders were looked for", seen)
	}
}

func exists(name string) bool {
	_, err := os.Stat(filepath.Join("..", filepath.FromSlash(name)))
	return err == nil
}

// TestNamesExist looks for every identifier that prose gives with its package, such as
// train.Run and engine.Network.Norms.
func TestNamesExist(t *testing.T) {
	seen := 0
	known := map[string]map[string]bool{}
	for page, text := range pages(t) {
		for _, m := range citedName.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			dir := m[1]
			if !exists(dir) {
				dir = "internal/" + m[1]
			}
			if m[1] == "pedestrian" {
				dir = "."
			}
			if !exists(dir) {
				continue // a package of Go's, or of somebody else
			}
			if known[dir] == nil {
				known[dir] = declarations(t, dir)
			}
			seen++
			name := m[2]
			if m[3] != "" {
				name += "." + m[3]
			}
			if !known[dir][name] {
				t.Errorf("%s names %s.%s, which is not there", page, m[1], name)
			}
		}
	}
	if seen < 60 {
		t.Errorf("%d identifiers were looked for", seen)
	}
}

// declarations are what the files of a folder declare, tests included: X, and of a type
// its methods and fields as X.Y.
func declarations(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if name, ok := declaredName(d); ok {
					all[name] = true
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.ValueSpec:
						for _, n := range s.Names {
							all[n.Name] = true
						}
					case *ast.TypeSpec:
						all[s.Name.Name] = true
						if st, ok := s.Type.(*ast.StructType); ok {
							for _, field := range st.Fields.List {
								for _, n := range field.Names {
									all[s.Name.Name+"."+n.Name] = true
								}
							}
						}
					}
				}
			}
		}
	}
	return all
}

// TestCounts compares the numbers of planted bugs that prose tells with the code.
func TestCounts(t *testing.T) {
	bugs := 0
	for s := range readTree(t).strings["gradcheck"] {
		if regexp.MustCompile(`^M[1-9][0-9]*$`).MatchString(s) {
			bugs++
		}
	}
	for _, c := range []struct {
		file, says string
		n          int
	}{
		{"README.md", "%d planted bugs", bugs},
		{"cmd/pedestrian/main.go", "plant %d bugs", bugs},
		{"cmd/pedestrian/verify.go", "%d known bugs", bugs},
		{"cmd/pedestrian/tour.go", "%d planted bugs", bugs},
		{"docs/architecture.md", "mutants M1 to M%d", bugs},
	} {
		b, err := os.ReadFile(filepath.Join("..", c.file))
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf(c.says, c.n); !strings.Contains(strings.Join(strings.Fields(string(b)), " "), want) {
			t.Errorf("%s does not say %q", c.file, want)
		}
	}
}

// TestRaceListIsWhole compares the packages that .ci/long gives to the race detector with
// those that start goroutines.
func TestRaceListIsWhole(t *testing.T) {
	script, err := os.ReadFile("../.ci/long")
	if err != nil {
		t.Fatal(err)
	}
	list := strings.Fields(regexp.MustCompile(`(?s)packages=\((.*?)\)`).FindStringSubmatch(string(script))[1])
	for _, p := range list {
		if !exists(p) {
			t.Errorf(".ci/long lists %s, which is not there", p)
		}
	}
	starts := regexp.MustCompile(`(?m)^\s*go (func|\w[\w.]*\()|\.Go\(func`)
	err = filepath.WalkDir("..", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") || strings.Contains(filepath.ToSlash(p), "/testdata/") {
			return err
		}
		source, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		if dir := "./" + strings.TrimPrefix(filepath.ToSlash(filepath.Dir(p)), "../"); starts.Match(source) && !slices.Contains(list, dir) {
			t.Errorf("%s starts a goroutine, and .ci/long does not give %s to the race detector", p, dir)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
