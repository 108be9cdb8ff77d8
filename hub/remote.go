package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// DefaultEndpoint is the server of a Remote without an Endpoint: Hugging Face's hub.
const DefaultEndpoint = "https://huggingface.co"

// A Remote is a server with the protocol of Hugging Face's hub. The zero value is the hub
// itself, without a token or a proxy.
type Remote struct {
	Endpoint string                                     // the URL; "" means DefaultEndpoint
	Token    string                                     // sent only to the endpoint's own origin, never after a redirect to another one
	Proxy    func(*http.Request) (*url.URL, error)      // as in http.Transport; nil means no proxy
	Report   func(Progress)                             // called often during a download, in the goroutine of the caller; may be nil
	stall    time.Duration                              // 0 is stallTime
	window   time.Duration                              // 0 is rateTime
	sleep    func(context.Context, time.Duration) error // nil is sleep
}

// Progress is the state of a download.
type Progress struct {
	File        string // the current file
	Done, Total int64  // bytes of all needed files; bytes that were in the cache before count as done
	Fetched     int64  // bytes that came over the network
	Note        string // what the download waits for, "" if for nothing
}

// setNote sets the note of the progress and reports it.
func (s *session) setNote(text string) {
	s.progress.Note = text
	s.reportProgress()
}

// reportProgress reports the progress to the caller of Download, if it wants that.
func (s *session) reportProgress() {
	if s.report != nil {
		s.report(s.progress)
	}
}

// A listing is the list of a repository's files at one commit.
type listing struct {
	commit string
	files  []string
}

func (l listing) has(name string) bool { return slices.Contains(l.files, name) }

// list asks the server for the commit of a revision and the names of its files.
func (s *session) list(ctx context.Context, repo, revision string) (l listing, err error) {
	address := s.endpoint.String() + "/api/models/" + repo + "/revision/" + url.PathEscape(revision)
	err = s.retry(ctx, func() (bool, error) {
		body, err := s.get(ctx, address, maxListing)
		if err != nil {
			return false, err
		}
		var parsed struct {
			SHA      string `json:"sha"`
			Siblings []struct {
				Name string `json:"rfilename"`
			} `json:"siblings"`
		}
		if err := json.Unmarshal(body, &parsed); err != nil {
			return false, fmt.Errorf("%s does not answer as the hub does: %w", s.endpoint.Host, err)
		}
		if !isCommit(parsed.SHA) {
			return false, fmt.Errorf("%s does not answer as the hub does: no commit", s.endpoint.Host)
		}
		l = listing{commit: parsed.SHA}
		for _, f := range parsed.Siblings {
			l.files = append(l.files, f.Name)
		}
		return true, nil
	})
	if err != nil {
		return l, s.explain(repo, revision, err)
	}
	return l, nil
}

// get returns the body of a response, of at most limit bytes.
func (s *session) get(ctx context.Context, address string, limit int64) ([]byte, error) {
	ctx, touch, stop := s.watch(ctx)
	defer stop()
	resp, err := s.send(ctx, http.MethodGet, address, nil, false)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", resp.Request.URL.Host, resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(touchingReader{resp.Body, touch}, limit+1))
	if err != nil {
		return nil, readError(ctx, err)
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("%s answers with more than %d bytes", resp.Request.URL.Host, limit)
	}
	return body, nil
}

// explain adds to a refusal of the server what the user can do.
func (s *session) explain(repo, revision string, err error) error {
	var r refusedError
	if !errors.As(err, &r) {
		return fmt.Errorf("%s: %w", repo, err)
	}
	where := s.endpoint.String()
	token := "set HF_TOKEN if it is private"
	if s.token != "" {
		token = "or HF_TOKEN may not see it"
	}
	switch {
	case r.code == "GatedRepo":
		return fmt.Errorf("%s is gated: accept its conditions at %s/%s and set HF_TOKEN to a token of that account: %w", repo, where, repo, r)
	case r.code == "RevisionNotFound":
		return fmt.Errorf("%s has no revision %q: %w", repo, revision, r)
	case r.code == "EntryNotFound":
		return fmt.Errorf("%s at %s lacks a file: %w", repo, revision, r)
	case r.status == http.StatusUnauthorized && s.token != "":
		return fmt.Errorf("%s: %s does not know HF_TOKEN, or there is no such model: %w", repo, where, r)
	case r.code == "RepoNotFound" || errors.Is(r, fs.ErrNotExist):
		return fmt.Errorf("%s is not at %s: check its name; %s: %w", repo, where, token, r)
	case errors.Is(r, fs.ErrPermission):
		return fmt.Errorf("%s may not be read: %s: %w", repo, token, r)
	}
	return fmt.Errorf("%s: %w", repo, err)
}

// A remoteFile is the description of a file that the server gives before sending it.
type remoteFile struct {
	name string
	etag string // SHA-256 of its content, or git's SHA-1 of the blob, in hexadecimal
	size int64  // in bytes
}

// head asks the server for the digest and the size of a file.
func (s *session) head(ctx context.Context, repo, commit, name string) (f remoteFile, err error) {
	err = s.retry(ctx, func() (bool, error) {
		resp, err := s.send(ctx, http.MethodHead, s.address(repo, commit, name), nil, false)
		if err != nil {
			return false, err
		}
		resp.Body.Close()
		h := resp.Header
		if c := h.Get("X-Repo-Commit"); c != commit {
			return false, fmt.Errorf("%s: %s answers for commit %q and was asked for %s", name, s.endpoint.Host, printable(c), commit)
		}
		tag := h.Get("X-Linked-Etag")
		if tag == "" {
			tag = h.Get("ETag")
		}
		tag = strings.Trim(strings.TrimPrefix(tag, "W/"), `"`)
		if !isHex(tag, 40) && !isHex(tag, 64) {
			return false, fmt.Errorf("%s: %s gives no digest to check it by (ETag %q)", name, s.endpoint.Host, printable(tag))
		}
		size := resp.ContentLength
		if linked := h.Get("X-Linked-Size"); linked != "" {
			if size, err = strconv.ParseInt(linked, 10, 64); err != nil {
				size = -1
			}
		} else if resp.StatusCode >= 300 {
			size = -1 // the length of the redirect
		}
		if size < 0 {
			return false, fmt.Errorf("%s: %s does not say how large it is", name, s.endpoint.Host)
		}
		if !strings.HasSuffix(name, weightsSuffix) && size > maxSmallFile {
			return false, fmt.Errorf("%s has %d bytes: more than %d are not taken for such a file", name, size, maxSmallFile)
		}
		f = remoteFile{name, tag, size}
		return true, nil
	})
	if err != nil {
		return f, s.explain(repo, commit, err)
	}
	return f, nil
}

// address returns the URL of a file.
func (s *session) address(repo, commit, name string) string {
	return s.endpoint.String() + "/" + repo + "/resolve/" + commit + "/" + url.PathEscape(name)
}

// watch returns a context that is canceled when touch is not called for the time s.stall,
// or when fewer than leastRate bytes per second are reported to touch within s.window.
func (s *session) watch(ctx context.Context) (_ context.Context, touch func(bytes int), stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(s.stall, func() {
		cancel(lostError{fmt.Errorf("%s: nothing came for %v", s.endpoint.Host, s.stall)})
	})
	since, came := time.Now(), 0
	touch = func(bytes int) {
		timer.Reset(s.stall)
		came += bytes
		if long := time.Since(since); long >= s.window {
			if rate := float64(came) / long.Seconds(); rate < leastRate {
				cancel(lostError{fmt.Errorf("%s: %.0f bytes a second came for %v: less than %d is given up", s.endpoint.Host, rate, long.Round(time.Second), leastRate)})
			}
			since, came = time.Now(), 0
		}
	}
	return ctx, touch, func() { timer.Stop(); cancel(context.Canceled) }
}

// readError returns an error for a failed read of a body. It is worth another try, unless the
// context was canceled.
func readError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return lostError{fmt.Errorf("the connection broke: %w", err)}
}

// A touchingReader calls touch after every Read.
type touchingReader struct {
	io.Reader
	touch func(bytes int)
}

func (r touchingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.touch(n)
	return n, err
}
