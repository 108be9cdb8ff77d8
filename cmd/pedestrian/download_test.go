package main

import (
	"context"
	"crypto/sha1"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pedestrian-ml/pedestrian/hub"
)

// loopback DIR serves DIR/OWNER/NAME/FILE as the hub does, and makes it the endpoint.
func loopback(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: loopback DIR")
	}
	dir := ts.MkAbs(args[0])
	server := httptest.NewServer(servedHub(dir))
	ts.Defer(server.Close)
	ts.Setenv("HF_ENDPOINT", server.URL)
}

// servedHub serves dir/OWNER/NAME/FILE as the hub does.
func servedHub(dir string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		const commit = "0123456789abcdef0123456789abcdef01234567"
		w.Header().Set("X-Repo-Commit", commit)
		if repo, ok := strings.CutPrefix(r.URL.Path, "/api/models/"); ok {
			repo, _, _ = strings.Cut(repo, "/revision/")
			entries, err := os.ReadDir(filepath.Join(dir, filepath.FromSlash(repo)))
			if err != nil {
				w.Header().Set("X-Error-Code", "RepoNotFound")
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			var siblings []map[string]string
			for _, e := range entries {
				siblings = append(siblings, map[string]string{"rfilename": e.Name()})
			}
			json.NewEncoder(w).Encode(map[string]any{"sha": commit, "siblings": siblings})
			return
		}
		repo, file, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/resolve/")
		text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(repo), path.Base(file)))
		if err != nil {
			w.Header().Set("X-Error-Code", "EntryNotFound")
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(text), text))))
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(text)))
	})
}

func TestProgressLine(t *testing.T) {
	p := hub.Progress{File: "model.safetensors", Done: 50e6, Total: 200e6, Fetched: 40e6}
	for _, test := range []struct {
		note  string
		after time.Duration
		want  string
	}{
		{"", 0, "model.safetensors  50.0 of 200.0 MB  25 %"},
		{"", 4 * time.Second, "model.safetensors  50.0 of 200.0 MB  25 %  10.0 MB/s, 0:15 left"},
		{"again in 2s", 4 * time.Second, "model.safetensors  50.0 of 200.0 MB  25 %  again in 2s"},
	} {
		p.Note = test.note
		if got := progressLine(p, test.after); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

// A hub that did not answer is not one that has no such model: that is a failure, and
// not a wrong question.
func TestFetchedModelRefused(t *testing.T) {
	t.Setenv("HF_HUB_CACHE", t.TempDir())
	t.Setenv("HF_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("HF_TOKEN", "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for offline, want := range map[string]string{"": "was not fetched from the hub", "1": "not on the hub either"} {
		t.Setenv("HF_HUB_OFFLINE", offline)
		_, err := fetchedModel(ctx, "someone/small", io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) || errors.As(err, new(usageError)) != (offline != "") {
			t.Errorf("offline %q: %v", offline, err)
		}
	}
}
