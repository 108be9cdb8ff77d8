// Package e2e holds the tests of the studio's page in a real Chromium. It is a module of its
// own, so that nobody who uses pedestrian depends on what it needs.
//
//	cd studio/e2e && go test .
package e2e

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/pedestrian-ml/pedestrian/studio"
	"github.com/pedestrian-ml/pedestrian/studio/live"
	"github.com/pedestrian-ml/pedestrian/studio/server"
	"github.com/pedestrian-ml/pedestrian/studio/site"
)

var (
	required = flag.Bool("required", false, "fail where there is no Chromium, and do not merely say so")
	only     = flag.String("only", "", "of the tests that visit every screen: those screens whose address contains this")
)

// visited are the screens that are asked for.
func visited() []string {
	return slices.DeleteFunc(slices.Clone(screens), func(s string) bool { return !strings.Contains(s, *only) })
}

// browserPath is the Chromium that is used.
var browserPath string

func TestMain(m *testing.M) {
	flag.Parse()
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			browserPath = p
			break
		}
	}
	if browserPath == "" {
		fmt.Println("the tests of the page need Chromium (apt-get install chromium, or its path in CHROMIUM): none was run")
		if *required {
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	if err := os.RemoveAll(exportedTo); err != nil {
		fmt.Println(err)
		code = 1
	}
	os.Exit(code)
}

// exportedTo is the folder of the exported studio, once a test has asked for it.
var exportedTo string

var export = sync.OnceValue(func() error {
	temp, err := os.MkdirTemp("", "studio-e2e-")
	if err != nil {
		return err
	}
	exportedTo = temp
	return site.Write(context.Background(), filepath.Join(temp, "studio"))
})

// static serves the exported studio as any file server does.
func static(t testing.TB) string {
	t.Helper()
	if err := export(); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(exportedTo, "studio"))))
	t.Cleanup(s.Close)
	return s.URL + "/"
}

// minutes is how long a whole test may take on a machine that is busy.
const minutes = 5

// A page is a tab of a browser, and what it did.
type page struct {
	t    testing.TB
	ctx  context.Context
	base string

	mu        sync.Mutex
	requests  []string
	complaint []string // exceptions, errors, reports of the policy
}

// serve starts a server as "pedestrian studio" does, with more networks.
func serve(t testing.TB, more ...*studio.Model) string {
	t.Helper()
	l, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	core, err := live.NewCore(more...)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, l, core) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && err != http.ErrServerClosed {
			t.Error(err)
		}
	})
	return "http://" + l.Addr().String() + "/"
}

// open opens a tab at an address of the studio at base.
func open(t testing.TB, base, hash string) *page {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(browserPath), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1280, 1000))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, minutes*time.Minute)
	t.Cleanup(cancel)
	p := &page{t: t, ctx: ctx, base: base}
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	err := chromedp.Listen(ctx, func(e any) {
		p.mu.Lock()
		defer p.mu.Unlock()
		switch e := e.(type) {
		case *network.EventRequestWillBeSent:
			p.requests = append(p.requests, e.Request.URL)
		case *runtime.EventExceptionThrown:
			p.complaint = append(p.complaint, e.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			if e.Entry.Level == "error" {
				p.complaint = append(p.complaint, e.Entry.Text)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	p.to(hash)
	return p
}

// to goes to a place and waits until it is shown.
func (p *page) to(hash string) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, chromedp.Navigate(p.base+hash)); err != nil {
		p.t.Fatal(err)
	}
	p.wait("document.documentElement.dataset.ready === (location.hash || '#/') && !document.querySelector('main.stale')")
}

// wait waits until an expression is true.
func (p *page) wait(expression string) {
	p.t.Helper()
	for { // while a page is replaced, there is none to ask
		ok, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](expression))
		if ok && err == nil {
			return
		}
		if p.ctx.Err() != nil {
			p.t.Fatalf("waiting for %s: %v; the page said: %s", expression, err, strings.Join(p.complaints(), "; "))
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// eval is the value of an expression; of a promise, what it comes to.
func eval[T any](p *page, expression string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

func (p *page) keys(keys string) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, chromedp.KeyEvent(keys)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *page) complaints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.complaint...)
}
