package durable

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// textFile is a file of text.
func textFile(name, content string) File {
	return File{Name: name, Write: func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	}}
}

// A directory appears whole or not at all, and takes nothing away.
func TestWriteFolder(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "a", "b")
	broken := errors.New("broken")
	files := []File{textFile("x", "1"), {Name: "y", Write: func(w io.Writer) error { return broken }}}
	if err := WriteFolder(dir, files); !errors.Is(err, broken) || !strings.Contains(err.Error(), filepath.Join(dir, "y")) {
		t.Error(err)
	}
	if left, _ := os.ReadDir(filepath.Dir(dir)); len(left) > 0 {
		t.Errorf("%s was left behind", left[0].Name())
	}
	if err := os.Mkdir(dir, 0o755); err != nil { // empty: it gives way
		t.Fatal(err)
	}
	if err := WriteFolder(dir, files[:1]); err != nil {
		t.Error(err)
	}
	if err := WriteFolder(dir, files[:1]); err == nil || !strings.Contains(err.Error(), "is there already and holds x") {
		t.Errorf("a directory that is not empty: %v", err)
	}
	if err := WriteFolder(filepath.Join(dir, "x"), files[:1]); err == nil || !strings.Contains(err.Error(), "is a file") {
		t.Errorf("a file: %v", err)
	}
	if err := WriteFolder(filepath.Join(dir, "x", "y"), files[:1]); err == nil {
		t.Error("a directory under a file")
	}
	if err := WriteFolder(filepath.Join(parent, "c"), []File{textFile("no/where", "")}); err == nil {
		t.Error("a file in a directory that is not there")
	}
}

// What is written is written where it was asked for and nowhere else: a link to an empty
// directory is followed there, one to anything else or to nowhere is refused, and what
// comes while a file is being written stays.
func TestWrittenWhereItWasNamed(t *testing.T) {
	parent := t.TempDir()
	at := func(name string) string { return filepath.Join(parent, name) }
	if err := errors.Join(os.Mkdir(at("empty"), 0o755), os.Mkdir(at("full"), 0o755), os.WriteFile(at("full/file"), []byte("of somebody else"), 0o644),
		os.Symlink("empty", at("a")), os.Symlink("full", at("b")), os.Symlink("full/file", at("c")), os.Symlink("none", at("d")), os.Symlink("e", at("e"))); err != nil {
		t.Fatal(err)
	}
	files := []File{textFile("x", "1")}
	if err := WriteFolder(at("a"), files); err != nil {
		t.Errorf("a link to an empty directory: %v", err)
	}
	if text, err := os.ReadFile(at("empty/x")); err != nil || string(text) != "1" {
		t.Errorf("where it leads: %q, %v", text, err)
	}
	if info, err := os.Lstat(at("a")); err != nil || info.Mode().Type() != fs.ModeSymlink {
		t.Errorf("the link is a %v, %v", info, err)
	}
	write := func(w io.Writer) error { _, err := io.WriteString(w, "1"); return err }
	for name, want := range map[string]string{
		"b": "is there already and holds file", "c": "is a file: choose another", "d": "is a link that leads nowhere", "e": "is a link that leads nowhere",
	} {
		if err := WriteFolder(at(name), files); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a directory at %s: %v, want %s", name, err, want)
		}
		if err := WriteFile(at(name), write); err == nil || !strings.Contains(err.Error(), "is there already") {
			t.Errorf("a file at %s: %v", name, err)
		}
	}
	for name, come := range map[string]func() error{
		"f": func() error { return os.WriteFile(at("f"), []byte("of somebody else"), 0o644) },
		"g": func() error { return os.Symlink("full/file", at("g")) },
	} {
		err := WriteFile(at(name), func(w io.Writer) error { return errors.Join(write(w), come()) })
		if err == nil || !strings.Contains(err.Error(), "is there already") {
			t.Errorf("%s comes meanwhile: %v", name, err)
		}
		err = WriteFolder(at(name+"2"), []File{{Name: "x", Write: func(w io.Writer) error { return errors.Join(write(w), os.Symlink("full", at(name+"2"))) }}})
		if err == nil {
			t.Errorf("%s2 comes meanwhile, and was replaced", name)
		}
	}
	for _, name := range []string{"f", "full/file"} {
		if text, err := os.ReadFile(at(name)); err != nil || string(text) != "of somebody else" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	if err := WriteFile(filepath.Join(parent, "deep", "er", "h"), write); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(at(".tmp-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	// What is half written is taken back by its own name, not by what lies there by then.
	err := WriteFolder(at("i"), []File{{Name: "x", Write: func(w io.Writer) error {
		temp, _ := filepath.Glob(at(".tmp-i-*"))
		return errors.Join(os.Rename(temp[0], at("moved")), os.Symlink("full", temp[0]), errors.New("broken"))
	}}})
	if text, e := os.ReadFile(at("full/file")); err == nil || e != nil || string(text) != "of somebody else" {
		t.Errorf("a link in the place of what is half written: %v, %q, %v", err, text, e)
	}
}
