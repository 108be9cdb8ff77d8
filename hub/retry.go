package hub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// A lostError is a connection that broke: worth another try.
type lostError struct{ error }

func (e lostError) Unwrap() error { return e.error }

// unreachable is what is wrong with a connection that did not come about: worth another
// try, unless there is no such host.
func unreachable(host string, err error) error {
	if dns := (*net.DNSError)(nil); errors.As(err, &dns) && dns.IsNotFound {
		return fmt.Errorf("there is no host %s, or no network to look it up: check both", dns.Name)
	}
	return lostError{fmt.Errorf("%s: %w", host, err)}
}

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

// retry calls try until it succeeds, fails for good, has failed several times without
// getting further, waiting twice as long each time, or has failed very often.
func (s *session) retry(ctx context.Context, try func() (further bool, err error)) error {
	failed, wait := 0, firstWait
	for all := 1; ; all++ {
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
		most := tries
		if errors.As(err, new(*net.DNSError)) {
			most = lookups
		}
		if failed >= most || all == mostTries {
			return fmt.Errorf("%w (%d tries)", err, all)
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
