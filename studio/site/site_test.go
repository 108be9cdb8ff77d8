package site

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/studio/server"
)

// The page of a folder asks a worker, and has the policy that the server sends as a header.
func TestPage(t *testing.T) {
	files := map[string][]byte{}
	if err := page(files); err != nil {
		t.Fatal(err)
	}
	html := string(files["index.html"])
	if !strings.Contains(html, `content="worker"`) || strings.Contains(html, `content="server"`) {
		t.Errorf("the page does not ask a worker: %s", html)
	}
	for part := range strings.SplitSeq(server.Policy, "; ") {
		if want := !strings.HasPrefix(part, "frame-ancestors"); strings.Contains(html, part) != want {
			t.Errorf("%s in the page: %v", part, !want)
		}
	}
	for _, name := range []string{"studio.js", "studio.css", "worker.js"} {
		if len(files[name]) == 0 {
			t.Errorf("there is no %s", name)
		}
	}
}

// A folder is whole, and one that is not empty stays as it is.
func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "studio")
	if err := Write(context.Background(), dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"index.html", "studio.js", "studio.css", "worker.js", "studio.wasm", "wasm_exec.js"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		}
		if name == "studio.wasm" && (!bytes.HasPrefix(b, []byte("\x00asm")) || len(b) > 10<<20) {
			t.Errorf("studio.wasm begins %q and has %d bytes", b[:min(4, len(b))], len(b))
		}
	}
	if err := Write(context.Background(), dir); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("writing over it: %v", err)
	}
	t.Setenv("PATH", "")
	if err := Write(context.Background(), dir+"2"); err == nil || !strings.Contains(err.Error(), "needs the Go toolchain") {
		t.Errorf("without Go: %v", err)
	}
	if _, err := os.Stat(dir + "2"); err == nil {
		t.Error("a folder was begun without Go")
	}
}
