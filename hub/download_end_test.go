package hub

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestDownloadsEnd: servers that always send something, and never the file. Each is
// asked a bounded number of times; what was best stays for the next attempt.
func TestDownloadsEnd(t *testing.T) {
	weights := aModel()["model.safetensors"] // 2.2 MB
	other := strings.ToUpper(weights)
	from := func(r *http.Request) (n int) { fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &n); return n }
	// part answers with text[from:to] of a file that goes on to its end.
	part := func(w http.ResponseWriter, text string, from, to int) {
		w.Header().Set("Content-Length", fmt.Sprint(len(text)-from))
		if from > 0 {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(text)-1, len(text)))
			w.WriteHeader(206)
		}
		w.Write([]byte(text[from:to]))
		w.(http.Flusher).Flush()
	}
	cut := func() { panic(http.ErrAbortHandler) }
	n := 0
	for _, test := range []struct {
		name   string
		answer func(w http.ResponseWriter, r *http.Request)
		asked  int    // of the store
		says   string // "" = the file comes
		left   int    // bytes that stay
	}{
		{"no ranges, cut at the same byte", func(w http.ResponseWriter, r *http.Request) { part(w, weights, 0, 1_000_000); cut() }, 6, "the connection broke", 1_000_000},
		{"no ranges, cut at random bytes", func(w http.ResponseWriter, r *http.Request) { part(w, weights, 0, 1_000_000-n*1000); cut() }, 6, "the connection broke", 999_000},
		{"no ranges, and in the end the file", func(w http.ResponseWriter, r *http.Request) {
			if n < 6 {
				part(w, weights, 0, 1000*n)
				cut()
			}
			part(w, weights, 0, len(weights))
		}, 6, "", 0},
		{"a byte each time", func(w http.ResponseWriter, r *http.Request) { part(w, weights, from(r), from(r)+1); cut() }, 6, "the connection broke", 6},
		{"100 kB each time", func(w http.ResponseWriter, r *http.Request) {
			part(w, weights, from(r), min(from(r)+100_000, len(weights)))
			cut()
		}, (len(weights) + 99_999) / 100_000, "", 0},
		{"20 kB each time", func(w http.ResponseWriter, r *http.Request) {
			part(w, weights, from(r), min(from(r)+20_000, len(weights)))
			cut()
		}, (len(weights) + 19_999) / 20_000, "", 0},
		{"another file in turns", func(w http.ResponseWriter, r *http.Request) {
			part(w, []string{weights, other}[n%2], 0, 1_000_000)
			cut()
		}, 6, "sends other bytes than before", -1},
		{"a byte in 10 ms", func(w http.ResponseWriter, r *http.Request) {
			part(w, weights, from(r), from(r)+1)
			for i := from(r) + 1; r.Context().Err() == nil; i++ {
				time.Sleep(10 * time.Millisecond)
				w.Write([]byte{weights[i]})
				w.(http.Flusher).Flush()
			}
		}, 6, "bytes a second came for", -1},
		{"416 for ever", func(w http.ResponseWriter, r *http.Request) {
			if from(r) > 0 {
				w.WriteHeader(416)
				return
			}
			part(w, weights, 0, 500_000)
			cut()
		}, 13, "", -1},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLoopback(t, aModel())
			n = 0
			asked := 0
			l.meddle = func(w http.ResponseWriter, r *http.Request, server string) bool {
				if server != "store" {
					return false
				}
				n++
				asked = n
				test.answer(w, r)
				return true
			}
			r := l.remote()
			r.window = 100 * time.Millisecond
			r.Report = func(p Progress) {
				if p.Done < 0 || p.Done > p.Total {
					t.Errorf("%d of %d bytes are done", p.Done, p.Total)
				}
			}
			c := Cache{t.TempDir()}
			s, err := r.Download(t.Context(), c, "owner/name", "")
			if test.name == "416 for ever" {
				if err == nil || asked > test.asked {
					t.Errorf("asked %d times, %v", asked, err)
				}
				return
			}
			if asked != test.asked {
				t.Errorf("the store was asked %d times, want %d", asked, test.asked)
			}
			if test.says == "" {
				if err != nil {
					t.Fatal(err)
				}
				if text, _ := os.ReadFile(filepath.Join(s.Dir, "model.safetensors")); string(text) != weights {
					t.Error("the file is not what the server has")
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), "tries)") {
				t.Errorf("%v", err)
			}
			name := fmt.Sprintf("%x.incomplete", sha256.Sum256([]byte(weights)))
			info, statErr := os.Stat(filepath.Join(c.Dir, "models--owner--name", "blobs", name))
			if statErr != nil || test.left >= 0 && info.Size() != int64(test.left) {
				t.Errorf("what stays: %v, %v; want %d bytes", info, statErr, test.left)
			}
		})
	}
}

// TestSlowListing: the rate counts for small answers, too.
func TestSlowListing(t *testing.T) {
	l := newLoopback(t, aModel())
	l.meddle = func(w http.ResponseWriter, r *http.Request, server string) bool {
		for r.Context().Err() == nil {
			w.Write([]byte(" "))
			w.(http.Flusher).Flush()
			time.Sleep(5 * time.Millisecond)
		}
		return true
	}
	r := l.remote()
	r.window = 50 * time.Millisecond
	if _, err := r.Download(t.Context(), Cache{t.TempDir()}, "owner/name", ""); err == nil || !strings.Contains(err.Error(), "bytes a second came for") {
		t.Errorf("%v", err)
	}
}

// TestLookups: a host that is not there is looked up once, and one that cannot be looked
// up now once more; a connection that is refused may come about later.
func TestLookups(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	for _, test := range []struct {
		err   error
		tries int
		says  string
	}{
		{&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "models.invalid", IsNotFound: true}}, 1, "there is no host models.invalid, or no network to look it up"},
		{&net.OpError{Op: "dial", Err: &net.DNSError{Err: "server misbehaving", Name: "models.example", IsTemporary: true}}, 2, "server misbehaving (2 tries)"},
		{refused, 6, "connection refused (6 tries)"},
	} {
		s := &session{sleep: func(context.Context, time.Duration) error { return nil }}
		n := 0
		err := s.retry(t.Context(), func() (bool, error) { n++; return false, unreachable("host", test.err) })
		if n != test.tries || err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%v: %d tries, %v", test.err, n, err)
		}
	}
	// With progress, there is an end all the same.
	s, n := &session{sleep: func(context.Context, time.Duration) error { return nil }}, 0
	if err := s.retry(t.Context(), func() (bool, error) { n++; return true, lostError{refused} }); err == nil || n != mostTries {
		t.Errorf("%d tries, %v", n, err)
	}
}
