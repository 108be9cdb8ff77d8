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

// Limits of one request. A server that sends nothing for stallTime is given up, and one
// that sends less than leastRate over rateTime; how long a whole file takes is not
// limited, as long as it comes.
const (
	dialTime     = 10 * time.Second
	headerTime   = 30 * time.Second
	stallTime    = 30 * time.Second
	rateTime     = time.Minute
	leastRate    = 1 << 10 // bytes a second
	maxRedirects = 10
	maxHeader    = 64 << 10
)

// Limits of all tries. What a try brings counts as progress when it is leastProgress
// bytes beyond the best of those before it.
const (
	tries         = 6               // of one request, or of one file, without progress
	lookups       = 2               // of a name that cannot be looked up
	mostTries     = 1000            // of one file, with progress
	leastProgress = 64 << 10        // bytes
	firstWait     = time.Second     // doubled after each try
	longestWait   = 2 * time.Minute // of those that a server may ask for
)

// A session speaks to one server.
type session struct {
	endpoint *url.URL
	token    string
	client   http.Client
	stall    time.Duration
	window   time.Duration // of leastRate
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
