// Package server hands out the page of the studio and answers its requests, to programs on
// this machine alone. It reads and writes no file, keeps nothing about who asks, and takes
// what is sent for a stranger's: a page of another origin, or a name that was made to point
// at this machine, is refused.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
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

// Listen listens at an address of this machine, such as "127.0.0.1:0", where 0 is any free
// port. Another address is refused: whoever reaches the port could ask.
func Listen(address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listening at %q: an address is like 127.0.0.1:8080", address)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("listening at %q: the studio answers this machine alone: 127.0.0.1, [::1] or localhost; for others, export it as a folder", address)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("listening at %q: %w", address, err)
	}
	return l, nil
}

// Serve answers by core until the context ends.
func Serve(ctx context.Context, l net.Listener, core *studio.Core) error {
	s := &http.Server{
		Handler: Handler(l.Addr().(*net.TCPAddr).Port, core), MaxHeaderBytes: maxHeader,
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

// Handler answers by core at a port of this machine.
func Handler(port int, core *studio.Core) http.Handler {
	h := &handler{core: core, files: map[string][]byte{}, busy: make(chan struct{}, maxBusy)}
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]"} {
		h.hosts = append(h.hosts, fmt.Sprintf("%s:%d", host, port))
	}
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
	hosts []string // that a request may name
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
	if why := h.foreign(r); why != "" {
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
	if r.URL.Path == "/api" {
		h.api(w, r)
		return
	}
	file, ok := h.files[r.URL.Path]
	switch {
	case !ok:
		http.Error(w, "there is no such page", http.StatusNotFound)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "a page is only read", http.StatusMethodNotAllowed)
	default:
		kind := types[".html"]
		if i := strings.LastIndexByte(r.URL.Path, '.'); i >= 0 {
			kind = types[r.URL.Path[i:]]
		}
		header.Set("Content-Type", kind)
		if r.Method == http.MethodGet {
			_, _ = w.Write(file) // a page that went away is no failure of ours
		}
	}
}

// foreign says why a request is not from our own page, or "". A browser sends the name that it
// looked up as Host, so a foreign name that points at this machine is seen; it names the page
// that asks as Origin, and how they are related as Sec-Fetch-Site.
func (h *handler) foreign(r *http.Request) string {
	if !slices.Contains(h.hosts, r.Host) {
		return "this address is not the studio's: open the one that it printed"
	}
	if origin := r.Header.Values("Origin"); len(origin) > 1 || len(origin) == 1 && origin[0] != "http://"+r.Host {
		return "a page of another origin may not ask the studio"
	}
	switch site := r.Header.Values("Sec-Fetch-Site"); {
	case len(site) == 0, len(site) == 1 && site[0] == "same-origin":
	case len(site) == 1 && site[0] == "none" && r.Method == http.MethodGet && r.URL.Path != "/api": // typed, or a bookmark
	case len(site) == 1 && r.Method == http.MethodGet && r.URL.Path == "/" && r.Header.Get("Sec-Fetch-Mode") == "navigate": // a link
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
	response, ok := h.core.Handle(body)
	w.Header().Set("Content-Type", "application/octet-stream")
	if !ok {
		w.WriteHeader(http.StatusBadRequest)
	}
	_, _ = w.Write(response)
}
