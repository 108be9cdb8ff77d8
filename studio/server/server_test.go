package server

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/studio"
)

// own is the door of this machine alone, at port 4711.
func own() *Listener {
	return &Listener{hosts: []string{"127.0.0.1:4711", "localhost:4711", "[::1]:4711"}}
}

func send(method, target, host string, header map[string]string, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = host
	for k, v := range header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	Handler(own(), new(studio.Core)).ServeHTTP(w, r)
	return w
}

// Who may ask: a table of what a browser sends, and an oracle that is written out.
func TestAccess(t *testing.T) {
	h := Handler(own(), new(studio.Core))
	mine := map[string]bool{"127.0.0.1:4711": true, "localhost:4711": true, "[::1]:4711": true}
	hosts := []string{"127.0.0.1:4711", "localhost:4711", "[::1]:4711", "127.0.0.1", "127.0.0.1:4712", "0.0.0.0:4711", "localhost.:4711", "localhost.evil.test:4711", "evil.test:4711", "127.0.0.2:4711", "LOCALHOST:4711", "[::]:4711", "", "127.0.0.1:4711,evil.test"}
	origins := []string{"-", "own", "null", "http://evil.test", "https://127.0.0.1:4711", "http://127.0.0.1:4712", "http://127.0.0.1", ""}
	sites := []string{"-", "same-origin", "same-site", "cross-site", "none", "bogus"}
	methods := []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"}
	n := 0
	for _, host := range hosts {
		for _, origin := range origins {
			for _, site := range sites {
				for _, method := range methods {
					for _, path := range []string{"/", "/api", "/studio.js"} {
						n++
						r := httptest.NewRequest(method, "http://x"+path, strings.NewReader(`{"op":"exercises"}`))
						r.Host = host
						r.Header.Set("Content-Type", "application/json")
						if origin == "own" {
							r.Header.Set("Origin", "http://"+host)
						} else if origin != "-" {
							r.Header.Set("Origin", origin)
						}
						if site != "-" {
							r.Header.Set("Sec-Fetch-Site", site)
						}
						w := httptest.NewRecorder()
						h.ServeHTTP(w, r)
						allowed := mine[host] && (origin == "-" || origin == "own" || origin == "http://"+host) &&
							(site == "-" || site == "same-origin" || site == "none" && method == "GET" && path != "/api")
						want := 403
						if allowed {
							want = 405
							if (method == "POST") == (path == "/api") && (method == "GET" || method == "HEAD" || method == "POST") {
								want = 200
							}
						}
						if w.Code != want {
							t.Fatalf("%s %s of host %q, origin %q, site %q: %d, want %d", method, path, host, origin, site, w.Code, want)
						}
						for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Cache-Control"} {
							if w.Header().Get(name) == "" {
								t.Fatalf("%s %s: %d without %s", method, path, w.Code, name)
							}
						}
					}
				}
			}
		}
	}
	if n != len(hosts)*len(origins)*len(sites)*len(methods)*3 {
		t.Error(n)
	}
}

func TestRequests(t *testing.T) {
	json := map[string]string{"Content-Type": "application/json"}
	host := "127.0.0.1:4711"
	w := send("POST", "/api", host, json, `{"op":"trace","want":["L"]}`)
	if header, numbers, err := studio.Decode(w.Body.Bytes()); w.Code != 200 || err != nil || len(numbers) != 1 || !bytes.Contains(header, []byte(`"loss"`)) {
		t.Errorf("%d %v %s", w.Code, err, header)
	}
	for _, c := range []struct {
		body, kind string
		want       int
	}{{`{"op":"nosuch"}`, "application/json", 400}, {"{", "application/json", 400}, {`{"op":"exercises"}`, "text/plain", 415}, {`{"op":"exercises"}`, "", 415}, {strings.Repeat("x", studio.MaxRequest+1), "application/json", 413}} {
		if w := send("POST", "/api", host, map[string]string{"Content-Type": c.kind}, c.body); w.Code != c.want {
			t.Errorf("%.20s as %q: %d, want %d", c.body, c.kind, w.Code, c.want)
		}
	}
	for path, want := range map[string]int{"/": 200, "/index.html": 200, "/studio.css": 200, "/studio.js": 200, "/nosuch": 404, "/../server.go": 404, "/page/index.html": 404, "/api/": 404} {
		if w := send("GET", path, host, nil, ""); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
	if w := send("GET", "/", host, nil, ""); strings.Contains(w.Body.String(), "<style") || strings.Contains(w.Body.String(), "style=") || strings.Contains(w.Body.String(), "<script>") {
		t.Error("the page has a style or a script in it, which its policy forbids")
	}
}

func TestListen(t *testing.T) {
	for _, a := range []string{":0", "192.0.2.1:0", "127.0.0.1", "nonsense", "127.0.0.1:x"} {
		if l, err := Listen(a); err == nil {
			l.Close()
			t.Errorf("it listens at %s", a)
		}
	}
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, new(studio.Core)) }()
	r, err := http.Get("http://" + l.Addr().String() + "/")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(r.Body)
	r.Body.Close()
	if r.StatusCode != 200 || !bytes.Contains(b, []byte("<title>")) {
		t.Errorf("%d %s", r.StatusCode, b)
	}
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the server does not end")
	}
	if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
		c.Close()
		t.Error("the port is still open")
	}
}

// Other machines may ask with the token alone, whatever else is right, and may not train. Names
// are those of the address that was listened at.
func TestAccessFromOtherMachines(t *testing.T) {
	l, err := Listen("0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if len(l.Token) < 26 || !l.ReadOnly || !strings.HasSuffix(l.URL(), "/"+l.Token+"/") {
		t.Fatalf("token %q, read-only %v, address %s", l.Token, l.ReadOnly, l.URL())
	}
	again, err := Listen("0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	if again.Token == l.Token {
		t.Error("two listeners have one token")
	}
	name := "127.0.0.1:" + strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	h, n := Handler(l, new(studio.Core)), 0
	for _, host := range []string{name, "evil.test:" + name[10:], "0.0.0.0:" + name[10:], "127.0.0.1", ""} {
		for _, token := range []string{l.Token, "", l.Token[1:], l.Token + "x", strings.ToUpper(l.Token), again.Token, "%2e%2e"} {
			for _, path := range []string{"", "api", "studio.js", "nosuch", "../api"} {
				for _, origin := range []string{"", "http://" + name, "http://evil.test", "null"} {
					for _, method := range []string{"GET", "POST"} {
						for _, op := range []string{"exercises", "train"} {
							n++
							r := httptest.NewRequest(method, "http://x/", strings.NewReader(`{"op":"`+op+`"}`))
							r.Host, r.URL.Path = host, "/"+token+"/"+path
							r.Header.Set("Content-Type", "application/json")
							if origin != "" {
								r.Header.Set("Origin", origin)
							}
							w := httptest.NewRecorder()
							h.ServeHTTP(w, r)
							want := 403
							if host == name && token == l.Token && (origin == "" || origin == "http://"+name) {
								switch {
								case path == "api" && method == "GET", path != "api" && method == "POST" && (path == "" || path == "studio.js"):
									want = 405
								case path == "api" && op == "train":
									want = 403
								case path == "nosuch" || path == "../api":
									want = 404
								default:
									want = 200
								}
							}
							if w.Code != want {
								t.Fatalf("%s %q of host %q, origin %q, op %s: %d, want %d", method, r.URL.Path, host, origin, op, w.Code, want)
							}
							if strings.Contains(w.Body.String(), l.Token) || w.Header().Get("Content-Security-Policy") == "" || w.Header().Get("Referrer-Policy") != "no-referrer" {
								t.Fatalf("%s %q: the token is given away, or a header is missing", method, r.URL.Path)
							}
						}
					}
				}
			}
		}
	}
	if n != 5*7*5*4*2*2 {
		t.Error(n)
	}
	l.ReadOnly = false // --allow-training: the core answers, which here does not know it
	r := httptest.NewRequest("POST", "http://x/", strings.NewReader(`{"op":"train"}`))
	r.Host, r.URL.Path = name, "/"+l.Token+"/api"
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 400 {
		t.Errorf("training that is allowed: %d", w.Code)
	}
}

// Who may only read does not make the trainer compute: neither by a step of a network, nor by one
// that is compared with, however the request spells it. A network before its first step is read.
func TestReadersDoNotTrain(t *testing.T) {
	l := withToken()
	core := &studio.Core{Other: func(_ *studio.Core, r studio.Request) (any, []float64, bool, error) {
		if l.ReadOnly && (r.Op == "train" || r.State.Step != 0) {
			t.Errorf("the core is asked for %q at step %d", r.Op, r.State.Step)
		}
		return nil, nil, false, nil
	}}
	m := *studio.Models[0]
	m.Name, m.Params = "story", func(s studio.State) (*pedestrian.Params[float64], error) {
		if s.Step != 0 || s.Rates != nil {
			t.Errorf("the trainer is asked for step %d, rates %v", s.Step, s.Rates)
		}
		return studio.Models[0].Params(studio.State{})
	}
	core.More = append(core.More, &m)
	h := Handler(l, core)
	for body, want := range map[string]int{
		`{"op":"open","state":{"model":"story"}}`:                                                 200,
		`{"op":"trace","state":{"model":"story","seed":3,"step":0}}`:                              200,
		`{"op":"open","state":{"model":"story","step":3}}`:                                        403,
		`{"op":"trace","state":{"model":"story","Step":3}}`:                                       403,
		`{"OP":"open","STATE":{"model":"story","STEP":100}}`:                                      403,
		`{"op":"trace","state":{},"before":{"model":"story","step":3}}`:                           403,
		`{"op":"open","state":{"model":"story","rates":[{"from":0,"rate":0.1}]}}`:                 403,
		`{"op":"next","state":{"model":"story","step":-1}}`:                                       403,
		`{"\u006fp":"train","next":1}`:                                                            403,
		`{"op":"open","state":{"model":"story","step":3,"step":0}}`:                               400,
		`{"op":"open","state":{"model":"story","step":"3"}}`:                                      400,
		`{"op":"open","state":{"model":"story"}}{"op":"open","state":{"model":"story","step":3}}`: 400,
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, posted("/"+l.Token+"/api", body))
		if w.Code != want {
			t.Errorf("%s: %d, want %d: %s", body, w.Code, want, w.Body.String())
		}
	}
	l.ReadOnly = false
	asked := 0
	m.Params = func(s studio.State) (*pedestrian.Params[float64], error) {
		asked = s.Step
		return studio.Models[0].Params(studio.State{})
	}
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, posted("/"+l.Token+"/api", `{"op":"open","state":{"model":"story","step":3}}`)); w.Code != 200 || asked != 3 {
		t.Errorf("with --allow-training: %d, step %d", w.Code, asked)
	}
}

// withToken is a listener for other machines, whose token and port are always the same.
func withToken() *Listener {
	l := own()
	return &Listener{Token: "abcdefghijklmnopqrstuvwxyz", ReadOnly: true, hosts: l.hosts}
}

// posted is a request of the page.
func posted(path, body string) *http.Request {
	r := httptest.NewRequest("POST", "http://x/", strings.NewReader(body))
	r.URL.Path, r.Host = path, own().hosts[0]
	r.Header.Set("Content-Type", "application/json")
	return r
}

// Whatever is sent, the answer is of the kinds that there are, and never a failure of ours.
func FuzzRequests(f *testing.F) {
	h := Handler(own(), new(studio.Core))
	open := withToken()
	trained := false
	others := Handler(open, &studio.Core{Other: func(_ *studio.Core, r studio.Request) (any, []float64, bool, error) {
		trained = trained || r.Op == "train" || r.State.Step != 0
		return nil, nil, false, nil
	}})
	f.Add("POST", "/"+open.Token+"/api", "127.0.0.1:4711", "application/json", "", []byte(`{"op":"train","next":1}`))
	f.Add("POST", "/"+open.Token+"/api", "127.0.0.1:4711", "application/json", "", []byte(`{"op":"next","state":{"model":"story","step":7}}`))
	f.Add("GET", "/"+open.Token+"/../api", "127.0.0.1:4711", "", "", []byte(nil))
	f.Add("POST", "/api", "127.0.0.1:4711", "application/json", "", []byte(`{"op":"open"}`))
	f.Add("GET", "/", "localhost:4711", "", "http://evil.test", []byte(nil))
	f.Add("POST", "/api", "[::1]:4711", "application/json", "http://[::1]:4711", []byte(`{"op":"trace","state":{"edits":[{"id":"b0.h1.m","i":0,"j":0,"v":null}]}}`))
	f.Fuzz(func(t *testing.T, method, path, host, kind, origin string, body []byte) {
		r, err := http.NewRequest(method, "http://x/", bytes.NewReader(body))
		if err != nil {
			return
		}
		r.URL.Path, r.Host = path, host
		r.Header.Set("Content-Type", kind)
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 500 || w.Code != 200 && w.Code/100 != 4 {
			t.Fatalf("%q %q: %d", method, path, w.Code)
		}

		// The same where other machines may read: without the token nothing is told, and nobody trains.
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.URL.Path = path
		w = httptest.NewRecorder()
		others.ServeHTTP(w, r)
		if w.Code >= 500 || w.Code != 200 && w.Code/100 != 4 {
			t.Fatalf("with a token, %q %q: %d", method, path, w.Code)
		}
		if inside := strings.HasPrefix(path, "/"+open.Token+"/"); !inside && w.Code != 403 || trained {
			t.Fatalf("with a token, %q %q: %d, trained: %t", method, path, w.Code, trained)
		}
		if strings.Contains(w.Body.String(), open.Token) || w.Header().Get("Content-Security-Policy") == "" {
			t.Fatalf("%q %q: the token is given away, or a header is missing", method, path)
		}
	})
}
