// Package server hands out the page of the studio and answers its requests, to programs on
// this machine alone, or to who knows a token. It reads and writes no file, keeps nothing about who asks, and takes
// what is sent for a stranger's: a page of another origin, or a name that was made to point
// at this machine, is refused.
package server

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pedestrian-ml/pedestrian/studio"
	"github.com/pedestrian-ml/pedestrian/studio/ui"
)

// Policy is the Content-Security-Policy of every response: nothing comes from, and nothing goes
// to, another origin, and no script or style stands in the page itself.
const Policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const (
	maxBusy     = 32 // requests that are answered at a time; one more gets 503
	readHeader  = 5 * time.Second
	readRequest = 10 * time.Second
	answer      = 30 * time.Second
	idle        = 2 * time.Minute
	maxHeader   = 16 << 10
)

// types are the files of the page and what they are.
var types = map[string]string{".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}

// Serve answers by core until the context ends.
func Serve(ctx context.Context, l *Listener, core *studio.Core) error {
	s := &http.Server{
		Handler: Handler(l, core), MaxHeaderBytes: maxHeader,
		ReadHeaderTimeout: readHeader, ReadTimeout: readRequest, WriteTimeout: answer, IdleTimeout: idle,
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		end, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := s.Shutdown(end); err != nil {
			return s.Close()
		}
		return nil
	}
}

// Handler answers by core who may ask at l.
func Handler(l *Listener, core *studio.Core) http.Handler {
	h := &handler{core: core, at: l, files: map[string][]byte{}, busy: make(chan struct{}, maxBusy)}
	page := ui.Files()
	entries, err := fs.ReadDir(page, ".")
	if err != nil {
		panic(err) // it is in the binary
	}
	for _, e := range entries {
		b, err := fs.ReadFile(page, e.Name())
		if err != nil {
			panic(err)
		}
		h.files["/"+e.Name()] = b
	}
	h.files["/"] = h.files["/index.html"]
	return h
}

type handler struct {
	core  *studio.Core
	at    *Listener
	files map[string][]byte
	busy  chan struct{}
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", Policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
	defer func() {
		if p := recover(); p != nil {
			http.Error(w, "the studio failed at this request; it goes on", http.StatusInternalServerError)
		}
	}()
	path, known := h.path(r)
	if why := h.foreign(r, path); why != "" || !known {
		if why == "" {
			why = notOurs
		}
		http.Error(w, why, http.StatusForbidden)
		return
	}
	select {
	case h.busy <- struct{}{}:
		defer func() { <-h.busy }()
	default:
		http.Error(w, "too many requests at a time", http.StatusServiceUnavailable)
		return
	}
	if path == "/api" {
		h.api(w, r)
		return
	}
	file, ok := h.files[path]
	switch {
	case !ok:
		http.Error(w, "there is no such page", http.StatusNotFound)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "a page is only read", http.StatusMethodNotAllowed)
	default:
		kind := types[".html"]
		if i := strings.LastIndexByte(path, '.'); i >= 0 {
			kind = types[path[i:]]
		}
		header.Set("Content-Type", kind)
		if r.Method == http.MethodGet {
			_, _ = w.Write(file) // a page that went away is no failure of ours
		}
	}
}

// notOurs is said to who asks at another address than the one that was printed.
const notOurs = "this address is not the studio's: open the one that it printed"

// path is what is asked for, behind the token; known is false without it.
func (h *handler) path(r *http.Request) (path string, known bool) {
	if h.at.Token == "" {
		return r.URL.Path, true
	}
	token, rest, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return "/" + rest, ok && subtle.ConstantTimeCompare([]byte(token), []byte(h.at.Token)) == 1
}

// foreign says why a request is not from our own page, or "". A browser sends the name that it
// looked up as Host, so a foreign name that points at this machine is seen; it names the page
// that asks as Origin, and how they are related as Sec-Fetch-Site.
func (h *handler) foreign(r *http.Request, path string) string {
	if !slices.Contains(h.at.hosts, r.Host) {
		return notOurs
	}
	if origin := r.Header.Values("Origin"); len(origin) > 1 || len(origin) == 1 && origin[0] != "http://"+r.Host {
		return "a page of another origin may not ask the studio"
	}
	switch site := r.Header.Values("Sec-Fetch-Site"); {
	case len(site) == 0, len(site) == 1 && site[0] == "same-origin":
	case len(site) == 1 && site[0] == "none" && r.Method == http.MethodGet && path != "/api": // typed, or a bookmark
	case len(site) == 1 && r.Method == http.MethodGet && path == "/" && r.Header.Get("Sec-Fetch-Mode") == "navigate": // a link
	default:
		return "a page of another origin may not ask the studio"
	}
	return ""
}

// api answers one request of the page.
func (h *handler) api(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", "POST")
		http.Error(w, "a request is posted", http.StatusMethodNotAllowed)
		return
	case r.Header.Get("Content-Type") != "application/json":
		http.Error(w, "a request is application/json", http.StatusUnsupportedMediaType)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, studio.MaxRequest))
	if err != nil {
		if errors.As(err, new(*http.MaxBytesError)) {
			http.Error(w, fmt.Sprintf("a request has at most %d bytes", studio.MaxRequest), http.StatusRequestEntityTooLarge)
			return
		}
		http.Error(w, "the request did not arrive whole", http.StatusBadRequest)
		return
	}
	if h.at.ReadOnly && changes(body) {
		http.Error(w, "Training is not open to other machines here: pedestrian studio --allow-training opens it", http.StatusForbidden)
		return
	}
	response, ok := h.core.Handle(body)
	w.Header().Set("Content-Type", "application/octet-stream")
	if !ok {
		w.WriteHeader(http.StatusBadRequest)
	}
	_, _ = w.Write(response)
}

// changes says whether a request asks for what goes on after its answer: training, or a network
// after some steps of it, which the trainer would make. All other state of the studio stands in
// each request.
func changes(body []byte) bool {
	type state struct {
		Step  int               `json:"step"`
		Rates []json.RawMessage `json:"rates"`
	}
	var r struct {
		Op     string `json:"op"`
		State  state  `json:"state"`
		Before state  `json:"before"`
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return false // the core refuses it
	}
	trains := func(s state) bool { return s.Step != 0 || len(s.Rates) > 0 }
	return r.Op == "train" || trains(r.State) || trains(r.Before)
}
