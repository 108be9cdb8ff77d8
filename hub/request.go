package hub

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Limits of one request. It ends with an error when the server sends nothing for stallTime,
// or fewer than leastRate bytes per second over rateTime. The time for a whole file is not
// limited.
const (
	dialTime     = 10 * time.Second
	headerTime   = 30 * time.Second
	stallTime    = 30 * time.Second
	rateTime     = time.Minute
	leastRate    = 1 << 10 // bytes a second
	maxRedirects = 10
	maxHeader    = 64 << 10
)

// Limits of all tries. A try makes progress when it gets at least leastProgress bytes
// further than every try before it.
const (
	tries         = 6               // tries of a request or a file without progress
	lookups       = 2               // tries if the name of the host cannot be looked up
	mostTries     = 1000            // tries of one file, with progress
	leastProgress = 64 << 10        // bytes
	firstWait     = time.Second     // doubled after each try
	longestWait   = 2 * time.Minute // the longest Retry-After that is obeyed
)

// A session makes requests to one server.
type session struct {
	endpoint *url.URL
	token    string
	client   http.Client
	stall    time.Duration
	window   time.Duration // over which leastRate is measured
	sleep    func(context.Context, time.Duration) error
	report   func(Progress)
	progress Progress
}

// Check returns an error if the endpoint or the token is invalid, or if the token would be
// sent unencrypted. It makes no request.
func (r Remote) Check() error {
	_, err := newSession(r)
	return err
}

// newSession checks r and returns a session with it.
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
	if s.window = r.window; s.window == 0 {
		s.window = rateTime
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
			DisableCompression:     true, // lengths and digests are those of the uncompressed file
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

// origin returns scheme, host and port of u. A token is sent to one origin only.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// send makes one request and follows redirects within the endpoint's origin. It follows
// redirects to another origin only if across is true; otherwise it returns such a redirect
// as the response. The token is sent only to the endpoint's origin. The caller closes the
// body.
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
				err = bare.Err // without the URL, which may contain a signature
			}
			return nil, unreachable(u.Host, err)
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
