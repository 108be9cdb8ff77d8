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

// A lostError is the error of a broken connection. It is worth another try.
type lostError struct{ error }

func (e lostError) Unwrap() error { return e.error }

// unreachable returns the error of a connection that could not be made. It is worth another
// try, unless the host does not exist.
func unreachable(host string, err error) error {
	if dns := (*net.DNSError)(nil); errors.As(err, &dns) && dns.IsNotFound {
		return fmt.Errorf("there is no host %s, or no network to look it up: check both", dns.Name)
	}
	return lostError{fmt.Errorf("%s: %w", host, err)}
}

// A refusedError is a response with a status other than success.
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
		code:   printable(resp.Header.Get("X-Error-Code")),
		text:   printable(resp.Header.Get("X-Error-Message")),
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

// Unwrap returns fs.ErrPermission or fs.ErrNotExist, if the refusal means one of them.
func (e refusedError) Unwrap() error {
	switch {
	case e.code == "GatedRepo" || e.status == http.StatusForbidden:
		return fs.ErrPermission
	case e.status == http.StatusUnauthorized || e.status == http.StatusNotFound:
		return fs.ErrNotExist
	}
	return nil
}

// printable returns a text from a server in a form that is safe to print on one line.
func printable(s string) string {
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

// retryAfter parses a Retry-After header, in seconds or as a date. It returns 0 if s is
// invalid or in the past.
func retryAfter(s string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return time.Duration(min(n, 1<<20)) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil && t.After(now) {
		return min(t.Sub(now), 1<<20*time.Second)
	}
	return 0
}

// temporary says whether another try may succeed, and how long the server asks to wait.
func temporary(err error) (wait time.Duration, again bool) {
	if r := (refusedError{}); errors.As(err, &r) {
		return r.wait, r.status == http.StatusTooManyRequests || r.status == http.StatusRequestTimeout || r.status >= 500
	}
	return 0, errors.As(err, new(lostError))
}

// retry calls try until it succeeds or its error is not temporary. After tries calls in a
// row without progress, or mostTries in all, it gives up. It waits between the calls, each
// time twice as long until there is progress.
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
		s.setNote(fmt.Sprintf("%v; again in %v", err, pause))
		if err := s.sleep(ctx, pause); err != nil {
			return err
		}
		s.setNote("")
		wait *= 2
	}
}
