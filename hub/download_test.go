package hub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func quickly(ctx context.Context, d time.Duration) error { return context.Cause(ctx) }

// tree lists what is below dir: files with their size, links with their target.
func tree(t *testing.T, dir string) (lines []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if target, err := os.Readlink(path); err == nil {
			lines = append(lines, name+" -> "+target)
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		lines = append(lines, fmt.Sprintf("%s %d", filepath.ToSlash(name), info.Size()))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestDownload(t *testing.T) {
	l := newLoopback(t, aModel())
	c := Cache{filepath.Join(t.TempDir(), "hub")}
	r := l.remote()
	var last Progress
	r.Report = func(p Progress) {
		if p.Done < last.Done || p.Done > p.Total && p.Total > 0 {
			t.Errorf("progress went from %+v to %+v", last, p)
		}
		last = p
	}
	if _, err := c.Find("owner/name", ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before: %v, want that it is not there", err)
	}
	got, err := r.Download(t.Context(), c, "owner/name", "")
	if err != nil {
		t.Fatal(err)
	}
	want := Snapshot{Repo: "owner/name", Commit: testCommit, Dir: filepath.Join(c.Dir, "models--owner--name", "snapshots", testCommit)}
	if found, err := c.Find("owner/name", ""); err != nil || got.Dir != want.Dir || found.Dir != want.Dir || len(found.Missing) > 0 {
		t.Errorf("downloaded %+v, found %+v, %v; want %+v", got, found, err, want)
	}
	var names []string
	entries, err := os.ReadDir(got.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
		text, err := os.ReadFile(filepath.Join(got.Dir, e.Name()))
		if err != nil || string(text) != l.files[e.Name()] {
			t.Errorf("%s is not what the server has (%v)", e.Name(), err)
		}
	}
	if want := []string{"config.json", "generation_config.json", "merges.txt", "model.safetensors", "tokenizer.json", "vocab.json"}; !slices.Equal(names, want) {
		t.Errorf("the snapshot has %v, want %v", names, want)
	}
	total := int64(0)
	for _, name := range names {
		total += int64(len(l.files[name]))
	}
	if last.Done != total || last.Total != total || last.Fetched != total {
		t.Errorf("the last progress is %+v, want all of %d", last, total)
	}
	before := tree(t, c.Dir)

	// Once more: everything is compared, nothing is fetched.
	l.requests = nil
	last = Progress{}
	if _, err := r.Download(t.Context(), c, "owner/name", "main"); err != nil {
		t.Fatal(err)
	}
	for _, asked := range l.seen() {
		if strings.HasPrefix(asked, "GET") && !strings.HasPrefix(asked, "GET /api/models/") {
			t.Errorf("the second time, the server was asked %s", asked)
		}
	}
	if after := tree(t, c.Dir); !slices.Equal(before, after) {
		t.Errorf("the second time, the cache became %v", after)
	}

	// A file that rotted is fetched again; the others are not.
	blob := filepath.Join(got.Dir, "config.json")
	if err := os.WriteFile(blob, []byte(strings.ToUpper(l.files["config.json"])), 0o644); err != nil {
		t.Fatal(err)
	}
	last = Progress{}
	if _, err := r.Download(t.Context(), c, "owner/name", testCommit); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(blob); string(text) != l.files["config.json"] {
		t.Errorf("a file that rotted is %q", text)
	}
}

// The layout is the one that huggingface_hub makes of the same server: testdata/hub
// has what it made, and the script that asked it.
func TestDownloadMakesTheLayoutOfHuggingFace(t *testing.T) {
	want, err := os.ReadFile("../testdata/hub/tree.txt")
	if err != nil {
		t.Fatal(err)
	}
	l := newLoopback(t, map[string]string{
		"config.json": "{\"model_type\": \"gpt2\"}\n", "merges.txt": "#version: 0.2\n",
		"model.safetensors": strings.Repeat("0123456789abcdef", 4096), "README.md": "not taken\n",
	})
	c := Cache{t.TempDir()}
	for _, revision := range []string{"main", "refs/pr/1"} {
		if _, err := l.remote().Download(t.Context(), c, "owner/name", revision); err != nil {
			t.Fatal(err)
		}
	}
	got := slices.DeleteFunc(tree(t, c.Dir), func(line string) bool { return strings.HasPrefix(line, "CACHEDIR.TAG") })
	if got := strings.Join(got, "\n") + "\n"; got != string(want) {
		t.Errorf("the cache is\n%swant\n%s", got, want)
	}
}

func TestDownloadContinues(t *testing.T) {
	l := newLoopback(t, aModel())
	weights := l.files["model.safetensors"]
	etag := ""
	for name := range strings.SplitSeq(strings.Join(tree(t, downloaded(t, l).Dir), "\n"), "\n") {
		if sum, ok := strings.CutPrefix(name, "model.safetensors -> ../../blobs/"); ok {
			etag = sum
		}
	}
	for _, test := range []struct {
		name, left string
		from       int // where the store is asked to begin, -1 if not at all
	}{
		{"half of it", weights[:len(weights)/2], len(weights) / 2},
		{"all of it", weights, -1},
		{"nothing", "", 0},
		{"more than it", weights + "x", 0},
		{"half of another", strings.ToUpper(weights[:len(weights)/2]), 0},
	} {
		c := Cache{t.TempDir()}
		blobs := filepath.Join(c.Dir, "models--owner--name", "blobs")
		if err := os.MkdirAll(blobs, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(blobs, etag+".incomplete"), []byte(test.left), 0o644); err != nil {
			t.Fatal(err)
		}
		l.requests = nil
		s, err := l.remote().Download(t.Context(), c, "owner/name", "")
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if text, _ := os.ReadFile(filepath.Join(s.Dir, "model.safetensors")); string(text) != weights {
			t.Errorf("%s: the file is not what the server has", test.name)
		}
		from := -1
		for _, r := range l.requests {
			if r.Method == "GET" && r.URL.Path == "/model.safetensors" {
				from = 0
				fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
			}
		}
		if from != test.from {
			t.Errorf("%s: the store was asked to begin at %d, want %d", test.name, from, test.from)
		}
	}
}

// downloaded is a whole download from l into a new cache.
func downloaded(t *testing.T, l *loopback) Snapshot {
	t.Helper()
	s, err := l.remote().Download(t.Context(), Cache{t.TempDir()}, "owner/name", "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What a server may do that is not the end: it is asked again, and the file is whole.
func TestDownloadTriesAgain(t *testing.T) {
	weights := aModel()["model.safetensors"]
	once := func(f func(w http.ResponseWriter, r *http.Request, server string) bool) func(http.ResponseWriter, *http.Request, string) bool {
		var done sync.Once
		return func(w http.ResponseWriter, r *http.Request, server string) (answered bool) {
			if r.Method != "GET" || server != "store" {
				return false
			}
			done.Do(func() { answered = f(w, r, server) })
			return answered
		}
	}
	cut := func(w http.ResponseWriter, upTo int) bool {
		w.Header().Set("Content-Length", fmt.Sprint(len(weights)))
		w.Write([]byte(weights[:upTo]))
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	for name, meddle := range map[string]func(http.ResponseWriter, *http.Request, string) bool{
		"cut short": once(func(w http.ResponseWriter, r *http.Request, _ string) bool { return cut(w, 1000) }),
		"500":       once(func(w http.ResponseWriter, r *http.Request, _ string) bool { w.WriteHeader(500); return true }),
		"429": once(func(w http.ResponseWriter, r *http.Request, _ string) bool {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(429)
			return true
		}),
		"silence": once(func(w http.ResponseWriter, r *http.Request, _ string) bool {
			w.Header().Set("Content-Length", fmt.Sprint(len(weights)))
			w.Write([]byte(weights[:10]))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return true
		}),
		"no ranges": func(w http.ResponseWriter, r *http.Request, server string) bool {
			if server == "store" && r.Header.Get("Range") == "" {
				return cut(w, 5000)
			}
			if server == "store" {
				w.Write([]byte(weights)) // 200, from the beginning
				return true
			}
			return false
		},
		"416 to a range": func(w http.ResponseWriter, r *http.Request, server string) bool {
			if server == "store" && r.Header.Get("Range") != "" {
				w.WriteHeader(416)
				return true
			}
			return false
		},
		"503 to the listing": func() func(http.ResponseWriter, *http.Request, string) bool {
			var done sync.Once
			return func(w http.ResponseWriter, r *http.Request, server string) (answered bool) {
				done.Do(func() { w.WriteHeader(503); answered = true })
				return answered
			}
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoopback(t, aModel())
			l.meddle = meddle
			r := l.remote()
			r.stall = 300 * time.Millisecond
			var waits []time.Duration
			r.sleep = func(ctx context.Context, d time.Duration) error { waits = append(waits, d); return nil }
			var notes []string
			r.Report = func(p Progress) {
				if p.Note != "" {
					notes = append(notes, p.Note)
				}
			}
			c := Cache{t.TempDir()}
			if name == "416 to a range" {
				etag := strings.TrimPrefix(readlink(t, filepath.Join(downloaded(t, newLoopback(t, aModel())).Dir, "model.safetensors")), "../../blobs/")
				blobs := filepath.Join(c.Dir, "models--owner--name", "blobs")
				os.MkdirAll(blobs, 0o755)
				os.WriteFile(filepath.Join(blobs, etag+".incomplete"), []byte(weights[:99]), 0o644)
			}
			s, err := r.Download(t.Context(), c, "owner/name", "")
			if err != nil {
				t.Fatal(err)
			}
			if text, _ := os.ReadFile(filepath.Join(s.Dir, "model.safetensors")); string(text) != weights {
				t.Error("the file is not what the server has")
			}
			if len(waits) == 0 || len(notes) != len(waits) {
				t.Errorf("it waited %v and said %q", waits, notes)
			}
			if name == "429" && waits[0] != 7*time.Second {
				t.Errorf("it waited %v, the server asked for 7 s", waits)
			}
		})
	}
}

func readlink(t *testing.T, name string) string {
	t.Helper()
	target, err := os.Readlink(name)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// What a server may do that is the end: one error that says what, nothing that Python
// or we would take for a model, and no retry that cannot help.
func TestDownloadRefuses(t *testing.T) {
	always := func(server, path string, f func(w http.ResponseWriter, r *http.Request)) func(http.ResponseWriter, *http.Request, string) bool {
		return func(w http.ResponseWriter, r *http.Request, s string) bool {
			if s == server && strings.HasSuffix(r.URL.Path, path) {
				f(w, r)
				return true
			}
			return false
		}
	}
	header := func(key, value string) func(w http.ResponseWriter, r *http.Request, s string) bool {
		return func(w http.ResponseWriter, r *http.Request, s string) bool {
			if s == "hub" && r.Method == "HEAD" {
				w.Header().Set("X-Repo-Commit", testCommit)
				w.Header().Set("ETag", gitTag(""))
				w.Header().Set("Content-Length", "0")
				w.Header().Set(key, value)
				return true
			}
			return false
		}
	}
	weights := aModel()["model.safetensors"]
	tests := []struct {
		name   string
		files  func(map[string]string)
		meddle func(http.ResponseWriter, *http.Request, string) bool
		is     error
		says   string
		tries  int // of the last request
	}{
		{name: "missing", meddle: always("hub", "/main", func(w http.ResponseWriter, r *http.Request) { refuse(w, 401, "RepoNotFound", "") }),
			is: fs.ErrNotExist, says: "owner/name is not at http"},
		{name: "private", meddle: always("hub", "/main", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(403) }),
			is: fs.ErrPermission, says: "owner/name may not be read: set HF_TOKEN"},
		{name: "gated", meddle: always("hub", "/config.json", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Error-Code", "GatedRepo")
			w.Header().Set("X-Error-Message", "Access to model is \u202erestricted to some")
			w.WriteHeader(403)
		}), is: fs.ErrPermission, says: "owner/name is gated: accept its conditions at"},
		{name: "404 without a code", meddle: always("hub", "/main", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404) }), is: fs.ErrNotExist, says: "check its name"},
		{name: "gone between", meddle: always("hub", "/vocab.json", func(w http.ResponseWriter, r *http.Request) { refuse(w, 404, "EntryNotFound", "") }), is: fs.ErrNotExist, says: "lacks a file"},
		{name: "pickle only", files: func(m map[string]string) { delete(m, "model.safetensors") }, is: errors.ErrUnsupported, says: "is a pickle"},
		{name: "pickled adapter", files: func(m map[string]string) { clear(m); m["adapter_config.json"] = "{}"; m["adapter_model.bin"] = "" },
			is: errors.ErrUnsupported, says: "adapter_model.bin is a pickle"},
		{name: "no weights", files: func(m map[string]string) { delete(m, "model.safetensors"); delete(m, "pytorch_model.bin") },
			is: errors.ErrUnsupported, says: "it has no model.safetensors"},
		{name: "no model", files: func(m map[string]string) { delete(m, "config.json") }, is: errors.ErrUnsupported, says: "neither config.json nor"},
		{name: "wrong digest", meddle: always("store", "/model.safetensors", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, strings.ToUpper(weights)) }),
			says: "its digest differs"},
		{name: "wrong digest of a small file", meddle: always("hub", "resolve-cache/models/owner/name/resolve/"+testCommit+"/config.json", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Repo-Commit", testCommit)
			w.Header().Set("ETag", gitTag(`{"model_type": "gpt2"}`))
			w.Header().Set("Content-Length", "22")
			if r.Method == "GET" {
				fmt.Fprint(w, `{"model_type": "GPT2"}`)
			}
		}), says: "its digest differs"},
		{name: "longer than announced", meddle: always("store", "/model.safetensors", func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush() // no length
			fmt.Fprint(w, weights+"x")
		}), says: "sends more than the"},
		{name: "another length", meddle: always("store", "/model.safetensors", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "x") }), says: "sends 1 bytes and announced"},
		{name: "cut short for ever", meddle: always("store", "/model.safetensors", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(weights)))
			panic(http.ErrAbortHandler)
		}), says: "(6 tries)", tries: 6},
		{name: "500 for ever", meddle: always("hub", "/main", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) }), says: "(6 tries)", tries: 6},
		{name: "429 for an hour", meddle: always("hub", "/main", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(429)
		}), says: "asks to be left alone for 1h0m0s", tries: 1},
		{name: "a loop", meddle: always("hub", "", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }), says: "more than 10 redirects"},
		{name: "another scheme", meddle: always("hub", "/model.safetensors", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Repo-Commit", testCommit)
			w.Header().Set("X-Linked-Etag", strings.Repeat("a", 64))
			w.Header().Set("X-Linked-Size", "10")
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(302)
		}), says: "only an encrypted address is followed"},
		{name: "not a hub", meddle: always("hub", "/main", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html>") }), says: "does not answer as the hub does"},
		{name: "a commit that is a path", meddle: always("hub", "/main", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `{"sha":"../../../x"}`) }), says: "no commit"},
		{name: "an etag that is a path", meddle: header("ETag", `"../../../x"`), says: "no digest to check it by"},
		{name: "another commit", meddle: header("X-Repo-Commit", strings.Repeat("b", 40)), says: "was asked for"},
		{name: "no size", meddle: header("X-Linked-Size", "-4"), says: "does not say how large"},
		{name: "a huge configuration", meddle: header("X-Linked-Size", "1000000000000"), says: "are not taken for such a file"},
		{name: "an endless listing", meddle: always("hub", "/main", func(w http.ResponseWriter, r *http.Request) {
			for range maxListing/1024 + 2 {
				fmt.Fprint(w, strings.Repeat(" ", 1024))
			}
		}), says: "answers with more than"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := newLoopback(t, aModel())
			if test.files != nil {
				test.files(l.files)
			}
			l.meddle = test.meddle
			c := Cache{t.TempDir()}
			_, err := l.remote().Download(t.Context(), c, "owner/name", "")
			if err == nil || !strings.Contains(err.Error(), test.says) || test.is != nil && !errors.Is(err, test.is) {
				t.Fatalf("error %v, want one that says %q and is %v", err, test.says, test.is)
			}
			if strings.ContainsAny(err.Error(), "\u202e\n") || strings.Contains(err.Error(), "secret") {
				t.Errorf("the error has a control character or a signature: %q", err)
			}
			if s, err := c.Find("owner/name", ""); err == nil {
				t.Errorf("it is found afterwards: %+v", s)
			}
			asked := l.seen()
			n := 0
			for _, a := range asked {
				if a == asked[len(asked)-1] {
					n++
				}
			}
			if test.tries > 0 && n != test.tries {
				t.Errorf("it was tried %d times, want %d: %v", n, test.tries, asked)
			}
		})
	}
}

// The token goes to the endpoint, and nowhere else.
func TestTokenStaysWithTheEndpoint(t *testing.T) {
	l := newLoopback(t, aModel())
	r := l.remote()
	r.Token = "hf_abc"
	if _, err := r.Download(t.Context(), Cache{t.TempDir()}, "owner/name", ""); err != nil {
		t.Fatal(err)
	}
	hub, store := 0, 0
	for _, r := range l.requests {
		token := r.Header.Get("Authorization")
		switch r.Host {
		case strings.TrimPrefix(l.hub.URL, "http://"):
			hub++
			if token != "Bearer hf_abc" {
				t.Errorf("%s %s without the token", r.Method, r.URL.Path)
			}
		default:
			store++
			if token != "" {
				t.Errorf("%s %s at another host has the token", r.Method, r.URL.Path)
			}
		}
	}
	if hub == 0 || store == 0 {
		t.Errorf("%d requests to the hub, %d to the store", hub, store)
	}
	for endpoint, want := range map[string]string{
		"http://models.example.com":  "is not encrypted",
		"ftp://models.example.com":   "is not an address",
		"https://a:b@example.com":    "is not an address",
		"https://example.com/?x=y":   "is not an address",
		"https://exa mple.com":       "the endpoint",
		"http://127.0.0.1.evil.test": "is not encrypted",
	} {
		r.Endpoint = endpoint
		if _, err := r.Download(t.Context(), Cache{t.TempDir()}, "a/b", ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", endpoint, err, want)
		}
	}
	r.Endpoint, r.Token = l.hub.URL, "two words"
	if _, err := r.Download(t.Context(), Cache{t.TempDir()}, "a/b", ""); err == nil || !strings.Contains(err.Error(), "the token") {
		t.Errorf("a token of two words: %v", err)
	}
}

// Over TLS, nothing is followed to where it is not encrypted.
func TestRedirectStaysEncrypted(t *testing.T) {
	l := newLoopback(t, aModel())
	secure := httptest.NewTLSServer(http.HandlerFunc(l.serveHub))
	defer secure.Close()
	s, err := newSession(Remote{Endpoint: secure.URL})
	if err != nil {
		t.Fatal(err)
	}
	s.client.Transport = secure.Client().Transport
	if _, err := s.head(t.Context(), "owner/name", testCommit, "model.safetensors"); err != nil {
		t.Errorf("what is said of a file: %v", err)
	}
	_, err = s.send(t.Context(), "GET", s.address("owner/name", testCommit, "model.safetensors"), nil, true)
	if err == nil || !strings.Contains(err.Error(), "only an encrypted address is followed") {
		t.Errorf("the file: %v", err)
	}
}

func TestDownloadShards(t *testing.T) {
	const index = `{"metadata":{"total_size":10},"weight_map":{"b":"model-00002-of-00002.safetensors","a":"model-00001-of-00002.safetensors","c":"model-00001-of-00002.safetensors"}}`
	files := map[string]string{"config.json": "{}", "model.safetensors.index.json": index,
		"model-00001-of-00002.safetensors": "one", "model-00002-of-00002.safetensors": "two", "model-00003-of-00002.safetensors": "no"}
	l := newLoopback(t, files)
	s := downloaded(t, l)
	entries, _ := os.ReadDir(s.Dir)
	if len(entries) != 4 {
		t.Errorf("the snapshot has %v", entries)
	}
	c := Cache{filepath.Dir(filepath.Dir(filepath.Dir(s.Dir)))}
	if found, err := c.Find("owner/name", ""); err != nil || len(found.Missing) > 0 {
		t.Errorf("found %+v, %v", found, err)
	}
	os.Remove(filepath.Join(s.Dir, "model-00002-of-00002.safetensors"))
	if found, err := c.Find("owner/name", ""); err != nil || !slices.Equal(found.Missing, []string{"model-00002-of-00002.safetensors"}) {
		t.Errorf("without a shard, found %+v, %v", found, err)
	}
	for bad, says := range map[string]string{
		`{"weight_map":{"a":"../model.safetensors"}}`:      "must be a .safetensors file beside it",
		`{"weight_map":{"a":"/etc/passwd"}}`:               "must be a .safetensors file beside it",
		`{"weight_map":{"a":"sub/model.safetensors"}}`:     "must be a .safetensors file beside it",
		`{"weight_map":{"a":"a\\b.safetensors"}}`:          "must be a .safetensors file beside it",
		`{"weight_map":{"a":"a.bin"}}`:                     "must be a .safetensors file beside it",
		`{"weight_map":{"a":"model-00009.safetensors"}}`:   "which is not there",
		`{"weight_map":{}}`:                                "names no file",
		`{"weight_map":[]}`:                                "instead of an object",
		`{"weight_map":{"a":"model-00001-of-00002.safeten`: "ends too early",
	} {
		files["model.safetensors.index.json"] = bad
		if _, err := l.remote().Download(t.Context(), Cache{t.TempDir()}, "owner/name", ""); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", bad, err, says)
		}
	}
}

func TestDownloadAdapter(t *testing.T) {
	l := newLoopback(t, map[string]string{"adapter_config.json": "{}", "adapter_model.safetensors": "a", "README.md": "", "tokenizer.json": "{}", "config.json": "{}"})
	entries, _ := os.ReadDir(downloaded(t, l).Dir)
	if len(entries) != 4 {
		t.Errorf("the snapshot has %v", entries)
	}
}

// Two at once: one fetches, the other waits and finds it there.
func TestDownloadAtOnce(t *testing.T) {
	l := newLoopback(t, aModel())
	l.meddle = func(w http.ResponseWriter, r *http.Request, server string) bool {
		if server == "store" {
			time.Sleep(100 * time.Millisecond)
		}
		return false
	}
	c := Cache{t.TempDir()}
	var waited, failed int
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			r := l.remote()
			r.Report = func(p Progress) {
				if strings.Contains(p.Note, "another process") {
					mu.Lock()
					waited++
					mu.Unlock()
				}
			}
			if _, err := r.Download(t.Context(), c, "owner/name", ""); err != nil {
				t.Error(err)
				failed++
			}
		})
	}
	all.Wait()
	sent := 0
	for _, asked := range l.seen() {
		if asked == "GET /model.safetensors" {
			sent++
		}
	}
	if sent != 1 || waited == 0 {
		t.Errorf("the store sent the weights %d times, %d notes of waiting", sent, waited)
	}
	for _, line := range tree(t, c.Dir) {
		if strings.Contains(line, "incomplete") || strings.Contains(line, ".tmp") {
			t.Errorf("left behind: %s", line)
		}
	}
}

// A download that is stopped leaves what it has, and the next goes on from there.
func TestDownloadStopped(t *testing.T) {
	l := newLoopback(t, aModel())
	ctx, stop := context.WithCancel(t.Context())
	r := l.remote()
	r.Report = func(p Progress) {
		if p.File == "model.safetensors" && p.Fetched > 500_000 {
			stop()
		}
	}
	c := Cache{t.TempDir()}
	if _, err := r.Download(ctx, c, "owner/name", ""); !errors.Is(err, context.Canceled) {
		t.Fatalf("stopped: %v", err)
	}
	if s, err := c.Find("owner/name", ""); err == nil {
		t.Errorf("half a model is found: %+v", s)
	}
	if s, err := c.Find("owner/name", testCommit); err != nil || !slices.Equal(s.Missing, []string{"model.safetensors"}) {
		t.Errorf("by its commit: %+v, %v", s, err)
	}
	l.requests = nil
	if _, err := l.remote().Download(t.Context(), c, "owner/name", ""); err != nil {
		t.Fatal(err)
	}
	for _, r := range l.requests {
		if r.Method == "GET" && r.URL.Path == "/model.safetensors" && r.Header.Get("Range") == "" {
			t.Error("it began again")
		}
	}
}

// Links and pipes where the cache should have files lead nowhere.
func TestCacheDoesNotEscape(t *testing.T) {
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte(testCommit), 0o644); err != nil {
		t.Fatal(err)
	}
	l := newLoopback(t, aModel())
	s := downloaded(t, l)
	etag := filepath.Base(readlink(t, filepath.Join(s.Dir, "config.json")))
	for i, plant := range []func(folder string) error{
		func(folder string) error { return os.Symlink(outside, filepath.Join(folder, "blobs")) },
		func(folder string) error { return os.Symlink(outside, filepath.Join(folder, "refs")) },
		func(folder string) error {
			os.Mkdir(filepath.Join(folder, "blobs"), 0o755)
			return os.Symlink(secret, filepath.Join(folder, "blobs", etag+".incomplete"))
		},
	} {
		c := Cache{t.TempDir()}
		folder := filepath.Join(c.Dir, "models--owner--name")
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := plant(folder); err != nil {
			t.Fatal(err)
		}
		const part = 2 // a link in the place of a part is unlinked, and the file fetched anew
		if _, err := l.remote().Download(t.Context(), c, "owner/name", ""); (err == nil) != (i == part) {
			t.Errorf("plant %d: a link out of the cache was followed, or stopped a download: %v", i, err)
		}
		if got := tree(t, outside); len(got) != 1 || got[0] != "secret 40" {
			t.Fatalf("outside there is %v", got)
		}
	}
	c := Cache{t.TempDir()}
	refs := filepath.Join(c.Dir, "models--owner--name", "refs")
	os.MkdirAll(refs, 0o755)
	os.Symlink(secret, filepath.Join(refs, "main"))
	if s, err := c.Find("owner/name", ""); err == nil {
		t.Errorf("a ref outside of the cache was read: %+v", s)
	}
}

func TestNamesOfModels(t *testing.T) {
	for _, good := range []string{"gpt2", "openai-community/gpt2", "a/b", "Foo-BAR_foo.bar123", "123", strings.Repeat("a", 96)} {
		if err := CheckRepo(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "a/b/c", "datasets/a/b", ".repo", "repo.", "-a", "a-", "foo--bar", "a..b", "foo.git", "a b", "a/", "/a",
		"../x", "a\\b", "a:b", "ä", "a\x00", strings.Repeat("a", 97), "http://x"} {
		if err := CheckRepo(bad); err == nil {
			t.Errorf("%q passes", bad)
		}
	}
	for _, good := range []string{"main", "refs/pr/1", "v1.0", testCommit, "feature/x-y_z"} {
		if err := CheckRevision(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "..", "a/../b", "/main", "a//b", "a b", "a\nb", `a\b`, "a:b", "a?b", ".", strings.Repeat("a", 256)} {
		if err := CheckRevision(bad); err == nil {
			t.Errorf("the revision %q passes", bad)
		}
	}
	c := Cache{t.TempDir()}
	if _, err := c.Find("a/../b", ""); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a name that is a path: %v", err)
	}
	if _, err := (Remote{}).Download(t.Context(), c, "a b", ""); err == nil {
		t.Error("a name with a blank was asked for")
	}
	for text, want := range map[string]time.Duration{"5": 5 * time.Second, "-1": 0, "x": 0, "": 0, "Thu, 01 Jan 1970 00:00:10 GMT": 10 * time.Second} {
		if got := retryAfter(text, time.Unix(0, 0)); got != want {
			t.Errorf("Retry-After %q is %v, want %v", text, got, want)
		}
	}
}

// What Python left half done is said, file by file.
func TestFindPartial(t *testing.T) {
	for _, test := range []struct{ files, missing []string }{
		{[]string{"config.json"}, []string{"model.safetensors"}},
		{[]string{"tokenizer.json"}, []string{"config.json", "model.safetensors"}},
		{[]string{"model.safetensors"}, []string{"config.json"}},
		{[]string{"adapter_config.json"}, []string{"adapter_model.safetensors"}},
		{[]string{"adapter_config.json", "adapter_model.safetensors"}, nil},
		{[]string{"config.json", "model.safetensors"}, nil},
		{[]string{"config.json", "pytorch_model.bin"}, []string{"model.safetensors"}},
	} {
		c := Cache{t.TempDir()}
		folder := filepath.Join(c.Dir, "models--gpt2")
		dir := filepath.Join(folder, "snapshots", testCommit)
		os.MkdirAll(dir, 0o755)
		os.MkdirAll(filepath.Join(folder, "refs"), 0o755)
		os.WriteFile(filepath.Join(folder, "refs", "main"), []byte(testCommit), 0o644)
		for _, f := range test.files {
			os.WriteFile(filepath.Join(dir, f), nil, 0o644)
		}
		s, err := c.Find("gpt2", "")
		if err != nil || !slices.Equal(s.Missing, test.missing) || s.Commit != testCommit {
			t.Errorf("with %v: %+v, %v, want missing %v", test.files, s, err, test.missing)
		}
	}
	c := Cache{t.TempDir()}
	refs := filepath.Join(c.Dir, "models--gpt2", "refs")
	os.MkdirAll(refs, 0o755)
	os.WriteFile(filepath.Join(refs, "main"), []byte("../../.."), 0o644)
	if _, err := c.Find("gpt2", ""); err == nil || !strings.Contains(err.Error(), "does not hold the name of a commit") {
		t.Errorf("a ref that is a path: %v", err)
	}
	if _, err := (Cache{filepath.Join(c.Dir, "none")}).Find("gpt2", ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no cache at all: %v", err)
	}
}
