package hub

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// What a server may do to one who goes on from half of a file.
func TestDownloadRefusesWrongParts(t *testing.T) {
	weights := aModel()["model.safetensors"]
	for name, test := range map[string]struct {
		left   string // what an earlier attempt has left
		answer func(w http.ResponseWriter, r *http.Request)
		says   string
	}{
		"another part": {weights[:100], func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(weights)-1, len(weights)))
			w.WriteHeader(206)
		}, "it was asked for bytes from 100"},
		"of another file": {weights[:100], func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 100-%d/9", len(weights)-1))
			w.WriteHeader(206)
		}, "it was asked for bytes from 100"},
		"a part unasked": {"", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(206) }, "answers 206"},
		"nothing":        {"", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }, "answers 204"},
		"a redirect": {"", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://%zz")
			w.WriteHeader(302)
		}, "failed to parse Location"},
		"to a user's host": {"", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://a:b@127.0.0.1/")
			w.WriteHeader(302)
		}, "only an encrypted address"},
		"a teapot": {"", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(418) }, "418 I'm a teapot"},
	} {
		l := newLoopback(t, aModel())
		l.meddle = func(w http.ResponseWriter, r *http.Request, server string) bool {
			if server == "store" {
				test.answer(w, r)
			}
			return server == "store"
		}
		c := Cache{t.TempDir()}
		if test.left != "" {
			etag := filepath.Base(readlink(t, filepath.Join(downloaded(t, newLoopback(t, aModel())).Dir, "model.safetensors")))
			blobs := filepath.Join(c.Dir, "models--owner--name", "blobs")
			os.MkdirAll(blobs, 0o755)
			os.WriteFile(filepath.Join(blobs, etag+".incomplete"), []byte(test.left), 0o644)
		}
		if _, err := l.remote().Download(t.Context(), c, "owner/name", ""); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
}

// A cache that is no directory, or has directories where files should be.
func TestDownloadIntoWhatIsNoCache(t *testing.T) {
	l := newLoopback(t, aModel())
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := l.remote().Download(t.Context(), Cache{file}, "owner/name", ""); err == nil || !strings.Contains(err.Error(), "the cache of models") {
		t.Errorf("a file as the cache: %v", err)
	}
	etag := filepath.Base(readlink(t, filepath.Join(downloaded(t, l).Dir, "config.json")))
	for _, path := range []string{
		"models--owner--name/blobs/" + etag + ".incomplete", "models--owner--name/blobs/" + etag, "models--owner--name/refs/main",
		"models--owner--name/snapshots/" + testCommit + "/config.json", ".locks/models--owner--name/" + etag + ".lock",
	} {
		c := Cache{t.TempDir()}
		if err := os.MkdirAll(filepath.Join(c.Dir, path, "in the way"), 0o755); err != nil {
			t.Fatal(err)
		}
		if _, err := l.remote().Download(t.Context(), c, "owner/name", ""); err == nil {
			t.Errorf("with a directory at %s: no error", path)
		}
	}
	for _, path := range []string{"models--owner--name", "models--owner--name/blobs", "models--owner--name/snapshots", ".locks"} {
		c := Cache{t.TempDir()}
		os.MkdirAll(filepath.Dir(filepath.Join(c.Dir, path)), 0o755)
		if err := os.WriteFile(filepath.Join(c.Dir, path), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := l.remote().Download(t.Context(), c, "owner/name", ""); err == nil {
			t.Errorf("with a file at %s: no error", path)
		}
	}
	if err := (Remote{Endpoint: "ftp://x"}).Check(); err == nil {
		t.Error("an endpoint of another protocol passes")
	}
	if err := (Remote{Token: "hf_abc"}).Check(); err != nil {
		t.Error(err)
	}
	if _, err := (Remote{Endpoint: "ftp://x"}).Download(t.Context(), Cache{t.TempDir()}, "a/b", ""); err == nil {
		t.Error("an endpoint of another protocol is asked")
	}
}

// Pauses double; what a server asks for counts when it is longer.
func TestPauses(t *testing.T) {
	l := newLoopback(t, aModel())
	n := 0
	l.meddle = func(w http.ResponseWriter, r *http.Request, server string) bool {
		if n++; n == 3 {
			w.Header().Set("Retry-After", "60")
		}
		w.WriteHeader(503)
		return true
	}
	r := l.remote()
	var waits []time.Duration
	r.sleep = func(ctx context.Context, d time.Duration) error { waits = append(waits, d); return nil }
	if _, err := r.Download(t.Context(), Cache{t.TempDir()}, "owner/name", ""); err == nil {
		t.Error("a server that is busy for ever: no error")
	}
	s := time.Second
	if want := []time.Duration{s, 2 * s, 60 * s, 8 * s, 16 * s}; !slices.Equal(waits, want) {
		t.Errorf("it waited %v, want %v", waits, want)
	}
}

// huggingface_hub keeps large files once for all repositories of a cache: the blob of a
// repository is a link to them then. A link that leaves the cache leads nowhere.
func TestSharedBlobs(t *testing.T) {
	c := Cache{t.TempDir()}
	folder := filepath.Join(c.Dir, "models--someone--tied")
	dir := filepath.Join(folder, "snapshots", testCommit)
	link := func(target, name string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"config.json", "model.safetensors"} {
		text, err := os.ReadFile(filepath.Join(peftDir, "bases", "tied", name))
		if err != nil {
			t.Fatal(err)
		}
		os.MkdirAll(filepath.Join(c.Dir, "blobs", "ab"), 0o755)
		if err := os.WriteFile(filepath.Join(c.Dir, "blobs", "ab", name), text, 0o644); err != nil {
			t.Fatal(err)
		}
		link("../../blobs/ab/"+name, filepath.Join(folder, "blobs", name))
		link("../../blobs/"+name, filepath.Join(dir, name))
	}
	s, err := c.Find("someone/tied", testCommit)
	if err != nil || len(s.Missing) > 0 {
		t.Fatalf("%+v, %v", s, err)
	}
	if m, err := LoadModel(s.Dir); err != nil || m.Params.Config.Vocab != 17 {
		t.Errorf("a model of shared files: %v", err)
	}
	outside := filepath.Join(t.TempDir(), "model.safetensors")
	if err := os.Rename(filepath.Join(c.Dir, "blobs", "ab", "model.safetensors"), outside); err != nil {
		t.Fatal(err)
	}
	link(outside, filepath.Join(c.Dir, "blobs", "ab", "model.safetensors"))
	if s, err := c.Find("someone/tied", testCommit); err != nil || len(s.Missing) != 1 {
		t.Errorf("a file outside of the cache is found: %+v, %v", s, err)
	}
	if _, err := LoadModel(s.Dir); err == nil {
		t.Error("a file outside of the cache is read")
	}
}
