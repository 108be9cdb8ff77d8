package hub

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A loopback is a hub of our own: a server with the protocol of huggingface.co, and a
// second one, on another port, to which large files are redirected.
type loopback struct {
	hub, store *httptest.Server
	commit     string
	files      map[string]string // large ones are those that end with .safetensors

	mu       sync.Mutex
	requests []*http.Request
	// meddle may answer a request in the place of the server; hub or store says which.
	meddle func(w http.ResponseWriter, r *http.Request, server string) (answered bool)
}

const testCommit = "0123456789abcdef0123456789abcdef01234567"

func newLoopback(t *testing.T, files map[string]string) *loopback {
	l := &loopback{commit: testCommit, files: files}
	l.hub = httptest.NewServer(l.handler("hub", l.serveHub))
	l.store = httptest.NewServer(l.handler("store", l.serveStore))
	t.Cleanup(l.hub.Close)
	t.Cleanup(l.store.Close)
	return l
}

func (l *loopback) handler(server string, serve http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		l.requests = append(l.requests, r.Clone(r.Context()))
		meddle := l.meddle
		l.mu.Unlock()
		if meddle == nil || !meddle(w, r, server) {
			serve(w, r)
		}
	})
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("X-Error-Code", code)
	w.Header().Set("X-Error-Message", message)
	w.WriteHeader(status)
}

// serveHub answers the listing, and what a file resolves to: small ones by a redirect
// within the server, as huggingface.co does, large ones by one to the store.
func (l *loopback) serveHub(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	if parts[0] == "api" && len(parts) == 6 && parts[1] == "models" && parts[4] == "revision" {
		if rev, _ := url.PathUnescape(parts[5]); rev != "main" && rev != "refs/pr/1" && rev != l.commit {
			refuse(w, 404, "RevisionNotFound", "Invalid rev id: "+rev)
			return
		}
		var siblings []map[string]string
		for _, name := range slices.Sorted(maps.Keys(l.files)) {
			siblings = append(siblings, map[string]string{"rfilename": name})
		}
		json.NewEncoder(w).Encode(map[string]any{"id": path.Join(parts[2], parts[3]), "sha": l.commit, "siblings": siblings})
		return
	}
	cached := parts[0] == "api" && parts[1] == "resolve-cache"
	if cached {
		parts = parts[3:]
	}
	if len(parts) < 4 {
		refuse(w, 404, "RepoNotFound", "Repository not found")
		return
	}
	name := strings.Join(parts[len(parts)-1:], "/")
	text, ok := l.files[name]
	w.Header().Set("X-Repo-Commit", l.commit)
	switch {
	case !ok:
		refuse(w, 404, "EntryNotFound", "Entry not found")
	case strings.HasSuffix(name, ".safetensors"):
		w.Header().Set("X-Linked-Size", fmt.Sprint(len(text)))
		w.Header().Set("X-Linked-Etag", fmt.Sprintf(`"%x"`, sha256.Sum256([]byte(text))))
		http.Redirect(w, r, l.store.URL+"/"+name+"?signature=secret", http.StatusFound)
	case !cached:
		http.Redirect(w, r, "/api/resolve-cache/models/"+strings.Join(parts, "/"), http.StatusTemporaryRedirect)
	default:
		w.Header().Set("ETag", gitTag(text))
		http.ServeContent(w, r, name, time.Time{}, strings.NewReader(text))
	}
}

func gitTag(text string) string {
	return fmt.Sprintf(`"%x"`, sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(text), text)))
}

func (l *loopback) serveStore(w http.ResponseWriter, r *http.Request) {
	name := strings.Trim(r.URL.Path, "/")
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(l.files[name]))
}

// seen lists what the servers were asked, as "METHOD path".
func (l *loopback) seen() (asked []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.requests {
		asked = append(asked, r.Method+" "+r.URL.Path)
	}
	return asked
}

// remote is a Remote that does not wait in earnest.
func (l *loopback) remote() Remote {
	return Remote{Endpoint: l.hub.URL, sleep: quickly, stall: 5 * time.Second}
}

// aModel has every file that is taken, and some that are not.
func aModel() map[string]string {
	weights := strings.Repeat("these are not numbers, which a download does not mind. ", 40000)
	return map[string]string{
		".gitattributes": "*.safetensors filter=lfs", "README.md": "# A model",
		"config.json": `{"model_type": "gpt2"}`, "generation_config.json": "{}", "tokenizer.json": `{"model": {}}`,
		"vocab.json": "{ }", "merges.txt": "#version: 0.2\n", "model.safetensors": weights, "pytorch_model.bin": "pickle",
		"onnx/model.onnx": "another", "64.tflite": "another",
	}
}
