package hub

import (
	"errors"
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
