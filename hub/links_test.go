package hub

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file of a model that is a link to elsewhere is not a file that is missing, whichever
// it is: the reason is said, and one that leads nowhere is told as that.
func TestLinkedFilesAreNamed(t *testing.T) {
	other := saved(t, "hf-tied")
	for _, name := range []string{configFile, weightsFile, generationFile, tokenizerFile} {
		dir := saved(t, "hf-tied")
		path := filepath.Join(dir, name)
		os.Remove(path)
		if err := os.Symlink(filepath.Join(other, name), path); err != nil {
			t.Fatal(err)
		}
		if err := reads(dir); err == nil || !strings.Contains(err.Error(), path+" is a link that leads out of the directory, and is not followed") {
			t.Errorf("%s: %v", name, err)
		}
		if !IsDirectory(dir) || !HasConfig(dir) {
			t.Errorf("%s: %s is no model directory", name, dir)
		}
		if _, err := OpenIn(dir, name); err == nil || !leadsOutSaid(err) {
			t.Errorf("%s is opened: %v", name, err)
		}
		if name != weightsFile && name != configFile {
			continue
		}
		os.Remove(path)
		if err := os.Symlink("nowhere", path); err != nil {
			t.Fatal(err)
		}
		if err := reads(dir); err == nil || !strings.Contains(err.Error(), path+" is a link that leads nowhere") {
			t.Errorf("%s leads nowhere: %v", name, err)
		}
	}
}

func leadsOutSaid(err error) bool { return strings.Contains(err.Error(), "leads out of the directory") }

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
	files := []outFile{text("x", "1")}
	if err := writeFolder(at("a"), files); err != nil {
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
		if err := writeFolder(at(name), files); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a directory at %s: %v, want %s", name, err, want)
		}
		if err := writeOne(at(name), write); err == nil || !strings.Contains(err.Error(), "is there already") {
			t.Errorf("a file at %s: %v", name, err)
		}
	}
	for name, come := range map[string]func() error{
		"f": func() error { return os.WriteFile(at("f"), []byte("of somebody else"), 0o644) },
		"g": func() error { return os.Symlink("full/file", at("g")) },
	} {
		err := writeOne(at(name), func(w io.Writer) error { return errors.Join(write(w), come()) })
		if err == nil || !strings.Contains(err.Error(), "is there already") {
			t.Errorf("%s comes meanwhile: %v", name, err)
		}
		err = writeFolder(at(name+"2"), []outFile{{"x", func(w io.Writer) error { return errors.Join(write(w), os.Symlink("full", at(name+"2"))) }}})
		if err == nil {
			t.Errorf("%s2 comes meanwhile, and was replaced", name)
		}
	}
	for _, name := range []string{"f", "full/file"} {
		if text, err := os.ReadFile(at(name)); err != nil || string(text) != "of somebody else" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	if err := writeOne(filepath.Join(parent, "deep", "er", "h"), write); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(at(".tmp-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	// What is half written is taken back by its own name, not by what lies there by then.
	err := writeFolder(at("i"), []outFile{{"x", func(w io.Writer) error {
		temp, _ := filepath.Glob(at(".tmp-i-*"))
		return errors.Join(os.Rename(temp[0], at("moved")), os.Symlink("full", temp[0]), errors.New("broken"))
	}}})
	if text, e := os.ReadFile(at("full/file")); err == nil || e != nil || string(text) != "of somebody else" {
		t.Errorf("a link in the place of what is half written: %v, %q, %v", err, text, e)
	}
}

// A download does not go on in another file, which a link in the place of its own leads to.
func TestPartIsNoLink(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "other"), []byte("of another"), 0o644), os.Symlink("other", filepath.Join(dir, "a.incomplete"))); err != nil {
		t.Fatal(err)
	}
	p, err := openPart(root, "a.incomplete", remoteFile{name: "a", etag: strings.Repeat("0", 40), size: 3})
	if err != nil {
		t.Fatal(err)
	}
	p.file.Close()
	if text, err := os.ReadFile(filepath.Join(dir, "other")); err != nil || string(text) != "of another" {
		t.Errorf("the other file: %q, %v", text, err)
	}
}
