package hub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Limits of one request. A server that sends nothing for stallTime is given up; how
// long a whole file takes is not limited.
const (
	dialTime     = 10 * time.Second
	headerTime   = 30 * time.Second
	stallTime    = 30 * time.Second
	maxRedirects = 10
	maxHeader    = 64 << 10
	tries        = 6               // of one request, or of one file without a byte of progress
	firstWait    = time.Second     // doubled after each try
	longestWait  = 2 * time.Minute // of those that a server may ask for
)

// A session speaks to one server.
type session struct {
	endpoint *url.URL
	token    string
	client   http.Client
	stall    time.Duration
	sleep    func(context.Context, time.Duration) error
	report   func(Progress)
	progress Progress
}

// Check reports what is wrong with the endpoint or the token.
func (r Remote) Check() error {
	_, err := newSession(r)
	return err
}

// newSession checks what r says.
func newSession(r Remote) (*session, error) {
	address := r.Endpoint
	if address == "" {
		address = DefaultEndpoint
	}
	u, err := url.Parse(strings.TrimRight(address, "/"))
	if err != nil {
		return nil, fmt.Errorf("the endpoint %q: %w", address, err)
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("the endpoint %q is not an address such as %s", address, DefaultEndpoint)
	}
	for _, c := range []byte(r.Token) {
		if c <= ' ' || c >= 0x7f {
			return nil, errors.New("the token holds a character that no token has: copy it again")
		}
	}
	if r.Token != "" && u.Scheme == "http" && !isLoopback(u.Hostname()) {
		return nil, fmt.Errorf("the endpoint %s is not encrypted, so the token is not sent there: use https, or unset the token", address)
	}
	s := &session{endpoint: u, token: r.Token, stall: r.stall, sleep: r.sleep, report: r.Report}
	if s.stall == 0 {
		s.stall = stallTime
	}
	if s.sleep == nil {
		s.sleep = sleep
	}
	s.client = http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  r.Proxy,
			DialContext:            (&net.Dialer{Timeout: dialTime}).DialContext,
			TLSHandshakeTimeout:    dialTime,
			ResponseHeaderTimeout:  min(headerTime, s.stall),
			MaxResponseHeaderBytes: maxHeader,
			DisableCompression:     true, // lengths and digests are of what is stored
			ForceAttemptHTTP2:      true,
		},
	}
	return s, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// origin is what a token is bound to: scheme, host and port.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// send makes one request and follows its redirects: those within the endpoint, and
// those to other hosts if across is true; otherwise such a redirect is the answer.
// The token goes to the endpoint's own origin alone. The caller closes the body.
func (s *session) send(ctx context.Context, method, address string, header http.Header, across bool) (*http.Response, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	for range maxRedirects {
		req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
		if err != nil {
			return nil, err
		}
		for k, v := range header {
			req.Header[k] = v
		}
		req.Header.Set("User-Agent", "pedestrian")
		req.Header.Set("Accept-Encoding", "identity")
		if s.token != "" && origin(u) == origin(s.endpoint) {
			req.Header.Set("Authorization", "Bearer "+s.token)
		}
		resp, err := s.client.Do(req)
		if err != nil {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			if bare := (*url.Error)(nil); errors.As(err, &bare) {
				err = bare.Err // the address may carry a signature
			}
			return nil, lostError{fmt.Errorf("%s: %w", u.Host, err)}
		}
		location := resp.Header.Get("Location")
		if resp.StatusCode < 300 || resp.StatusCode > 399 || location == "" {
			if resp.StatusCode < 200 || resp.StatusCode > 299 {
				defer resp.Body.Close()
				return nil, s.refusal(resp)
			}
			return resp, nil
		}
		next, err := u.Parse(location)
		if err != nil {
			resp.Body.Close()
			return nil, fmt.Errorf("%s redirects to an address that is none", u.Host)
		}
		if origin(next) != origin(s.endpoint) && !across {
			return resp, nil
		}
		resp.Body.Close()
		if next.Scheme != "https" && (next.Scheme != "http" || s.endpoint.Scheme != "http") || next.Host == "" || next.User != nil {
			return nil, fmt.Errorf("%s redirects to %s://%s: only an encrypted address is followed", u.Host, next.Scheme, next.Host)
		}
		u = next
	}
	return nil, fmt.Errorf("%s: more than %d redirects", s.endpoint.Host, maxRedirects)
}

// A lostError is a connection that broke: worth another try.
type lostError struct{ error }

func (e lostError) Unwrap() error { return e.error }

// A refusedError is an answer that is not the file.
type refusedError struct {
	host   string
	status int
	code   string        // X-Error-Code
	text   string        // X-Error-Message
	wait   time.Duration // Retry-After
}

func (s *session) refusal(resp *http.Response) error {
	return refusedError{
		host:   resp.Request.URL.Host,
		status: resp.StatusCode,
		code:   plain(resp.Header.Get("X-Error-Code")),
		text:   plain(resp.Header.Get("X-Error-Message")),
		wait:   retryAfter(resp.Header.Get("Retry-After"), time.Now()),
	}
}

func (e refusedError) Error() string {
	s := fmt.Sprintf("%s answers %d %s", e.host, e.status, http.StatusText(e.status))
	if e.text != "" {
		s += ": " + e.text
	}
	return strings.TrimSpace(s)
}

// Unwrap makes a refusal one of the two that a file system knows.
func (e refusedError) Unwrap() error {
	switch {
	case e.code == "GatedRepo" || e.status == http.StatusForbidden:
		return fs.ErrPermission
	case e.status == http.StatusUnauthorized || e.status == http.StatusNotFound:
		return fs.ErrNotExist
	}
	return nil
}

// plain is what a server says as text that is safe to print on one line.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 200 {
		s = string(r[:200]) + "…"
	}
	return s
}

// retryAfter reads a Retry-After: seconds, or a date.
func retryAfter(s string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return time.Duration(min(n, 1<<20)) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil && t.After(now) {
		return min(t.Sub(now), 1<<20*time.Second)
	}
	return 0
}

// temporary says whether another try may help, and how long the server asks to wait.
func temporary(err error) (wait time.Duration, again bool) {
	if r := (refusedError{}); errors.As(err, &r) {
		return r.wait, r.status == http.StatusTooManyRequests || r.status == http.StatusRequestTimeout || r.status >= 500
	}
	return 0, errors.As(err, new(lostError))
}

// retry calls try until it succeeds, fails for good, or has failed several times
// without getting further, waiting twice as long each time.
func (s *session) retry(ctx context.Context, try func() (further bool, err error)) error {
	failed, wait := 0, firstWait
	for {
		further, err := try()
		if err == nil {
			return nil
		}
		asked, again := temporary(err)
		if further {
			failed, wait = 0, firstWait
		}
		if failed++; !again || ctx.Err() != nil {
			return err
		}
		if failed == tries {
			return fmt.Errorf("%w (%d tries)", err, tries)
		}
		if asked > longestWait {
			return fmt.Errorf("%w: it asks to be left alone for %v", err, asked)
		}
		pause := max(wait, asked)
		s.note(fmt.Sprintf("%v; again in %v", err, pause))
		if err := s.sleep(ctx, pause); err != nil {
			return err
		}
		s.note("")
		wait *= 2
	}
}
