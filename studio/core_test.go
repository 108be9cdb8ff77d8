package studio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pedestrian-ml/pedestrian/derive"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// ask sends a request that must be answered.
func ask[T any](t testing.TB, c *Core, request string) (h T, numbers []float64) {
	t.Helper()
	b, ok := c.Handle([]byte(request))
	header, numbers, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		t.Fatalf("%s: %s", request, header)
	}
	if err := json.Unmarshal(header, &h); err != nil {
		t.Fatalf("%s: %v in %s", request, err, header)
	}
	return h, numbers
}

// A trace has every number of the session, in their bits, and says where each begins.
func TestTrace(t *testing.T) {
	var c Core
	h, numbers := ask[traced](t, &c, `{"op":"trace","rev":7,"want":["*"]}`)
	s := open(t, State{})
	if h.Revision != 7 || *h.Loss != s.Loss {
		t.Errorf("revision %d, loss %g", h.Revision, *h.Loss)
	}
	for i, n := range s.nodes {
		v := s.value(n.ID)
		for k, x := range v.V {
			if math.Float64bits(numbers[h.At[i]+k]) != math.Float64bits(x) {
				t.Fatalf("%s[%d] is %g, want %g", n.ID, k, numbers[h.At[i]+k], x)
			}
		}
	}
	some, few := ask[traced](t, &c, `{"op":"trace","want":["b0.h1.rho"]}`)
	if len(few) != 36 || some.At[s.index["b0.h1.rho"]] != 0 || some.At[0] != -1 {
		t.Errorf("one tensor is %d numbers", len(few))
	}
}

// Microscopes that come with a trace are those that are asked for alone.
func TestLooksWithATrace(t *testing.T) {
	var c Core
	const state = `{"edits":[{"id":"b0.h1.rho","i":4,"j":1,"v":0.25}]}`
	h, _ := ask[traced](t, &c, `{"op":"trace","state":`+state+`,"looks":[{"id":"b0.h1.rho","i":4,"j":1},{"id":"b0.D_5","i":0,"j":7}]}`)
	for i, cell := range []string{`"id":"b0.h1.rho","i":4,"j":1`, `"id":"b0.D_5","i":0,"j":7`} {
		alone, _ := ask[Microscope](t, &c, `{"op":"look","state":`+state+`,`+cell+`}`)
		if got, want := must(json.Marshal(h.Looks[i])), must(json.Marshal(alone)); !bytes.Equal(got, want) || alone.Formula == "" {
			t.Errorf("with a trace %s\nalone %s", got, want)
		}
	}
}

// A comparison says what changed: with another second word nothing of the first, which sees
// no later one, and of the second all.
func TestBefore(t *testing.T) {
	var c Core
	h, numbers := ask[traced](t, &c, `{"op":"trace","state":{"tokens":[0,3,4,6,0,8]},"before":{},"want":["b0.h1.a_i_h"]}`)
	s := open(t, State{})
	i := s.index["b0.h1.a_i_h"]
	for k := range 24 {
		if same := numbers[h.ChangeAt[i]+k] == 0; same != (k < 4) {
			t.Errorf("entry %d is the same: %v", k, same)
		}
	}
	if *h.Change[s.index["w_11"]] != 0 || *h.Change[i] == 0 || *h.BeforeLoss != s.Loss {
		t.Errorf("changes %v, loss before %v", *h.Change[i], *h.BeforeLoss)
	}
}

func TestRequestsAreRefused(t *testing.T) {
	var c Core
	for _, r := range []string{"", "{", "null", "[]", `{"op":"trace"} {}`, `{"op":"trace","op":"open"}`, `{"op":"trace","OP":"open"}`, `{"op":"nosuch"}`,
		`{"op":"trace","unknown":1}`, `{"op":"trace","want":["nosuch"]}`, `{"op":"trace","looks":[{"id":"nosuch"}]}`, `{"op":"trace","looks":[{"id":"a_12","i":6}]}`, `{"op":"trace","looks":[{},{},{},{},{},{},{},{},{}]}`, `{"op":"trace","state":{"tokens":[99]}}`, `{"op":"trace","state":{"tokens":[1e99]}}`,
		`{"op":"check","id":"a_0"}`, `{"op":"look","id":"a_1","i":-1}`, `{"op":"look","id":"L","j":5}`, `{"op":"nudge","id":"a_1"}`, `{"op":"grade","id":"nosuch"}`, `{"op":"hint","id":"w_q","hint":99}`,
		`{"op":"law","id":"nosuch"}`, `{"op":"law","id":"mask","knob":99}`, `{"op":"law","id":"rows","head":2}`, `{"op":"law","id":"rows","block":-1}`, `{"op":"identity","id":"R99"}`, `{"op":"adapter","alpha":-1}`, `{"op":"chapter","id":"../README"}`, `{"op":"counterexample","id":"S11"}`, `{"op":"search","answer":"x"}`, `{"op":"search"}`, `{"op":"adapter","alpha":9}`, `{"op":"adapter","steps":201}`, `{"op":"adapter","steps":1.5}`, `{"op":"params","sizes":{"vocab":0}}`, `{"op":"params","sizes":{"vocab":10,"context":4,"width":10000001,"heads":1,"blocks":1}}`,
		`{"op":"params","sizes":{"vocab":10,"context":4,"width":10,"heads":3,"blocks":1}}`, `{"op":"params","sizes":{"vocab":10,"context":4,"width":9,"heads":3,"blocks":1,"rank":2,"targets":["gate"]}}`, `{"op":"params","sizes":{"vocab":10,"context":4,"width":9,"heads":3,"blocks":1,"rank":-1}}`,
		`{"op":"trace","before":{"tokens":[1]}}`, strings.Repeat(`{"state":`, 100), `{"op":"` + strings.Repeat("x", MaxRequest) + `"}`, `{"op":"trace","state":{"edits":[{"id":"b0.a_1","i":0,"j":0,"v":1e300}]}}`} {
		b, ok := c.Handle([]byte(r))
		header, _, err := Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		var e struct{ Error string }
		if err := json.Unmarshal(header, &e); err != nil || ok || e.Error == "" || len(e.Error) > 300 {
			t.Errorf("%.60s was answered by %.100s", r, header)
		}
	}
}

// What a response is depends on the request alone, and not on what was asked before.
func TestSameAnswer(t *testing.T) {
	requests := []string{`{"op":"open"}`, `{"op":"trace","want":["*"]}`, `{"op":"trace","state":{"edits":[{"id":"b0.h1.rho","i":4,"j":1,"v":0.5}]},"want":["*"]}`,
		`{"op":"check","id":"b0.D_5"}`, `{"op":"look","id":"b0.h1.D_causal","i":3,"j":1}`, `{"op":"nudge","id":"w_11","epsilon":0.001}`, `{"op":"registry"}`}
	var first [][]byte
	var c Core
	for _, r := range requests {
		b, _ := c.Handle([]byte(r))
		first = append(first, b)
	}
	for range 30 { // the cache forgets
		c.Handle([]byte(`{"op":"trace","state":{"mean":true,"tokens":[1,2]}}`))
	}
	for i, r := range requests {
		if b, _ := c.Handle([]byte(r)); !bytes.Equal(b, first[i]) {
			t.Errorf("%s is answered otherwise the second time", r)
		}
	}
	if len(c.kept) > maxKept {
		t.Errorf("%d sessions are kept", len(c.kept))
	}
}

// Requests about one state do not disturb each other: while checks nudge its parameters, every
// other answer has the numbers of the state.
func TestAnswersAtTheSameTime(t *testing.T) {
	var c Core
	const request = `{"op":"trace","state":{"rank":2},"want":["b0.w_6","b0.b_6","u_11","a_12","L"]}`
	want, _ := c.Handle([]byte(request))
	checks := []string{`{"op":"check","state":{"rank":2},"id":"b0.db_6"}`, `{"op":"check","state":{"rank":2},"id":"logits.lora.du"}`}
	var verdicts [][]byte
	for _, r := range checks {
		b, ok := c.Handle([]byte(r))
		if !ok {
			t.Fatalf("%s: %s", r, b)
		}
		verdicts = append(verdicts, b)
	}
	var busy sync.WaitGroup
	var running atomic.Int32
	for i, r := range checks {
		running.Add(1)
		busy.Go(func() {
			defer running.Add(-1)
			for range 3 {
				if b, _ := c.Handle([]byte(r)); !bytes.Equal(b, verdicts[i]) {
					t.Errorf("%s is answered otherwise while others ask", r)
					return
				}
			}
		})
	}
	for running.Load() > 0 {
		if b, _ := c.Handle([]byte(request)); !bytes.Equal(b, want) {
			t.Error("a trace has numbers that a check has nudged")
			break
		}
	}
	busy.Wait()
}

// A thousand states leave eight sessions, and a few megabytes.
func TestMemoryIsBounded(t *testing.T) {
	var c Core
	var before, after runtime.MemStats
	fill := func(n int) {
		for i := range n {
			c.Handle(fmt.Appendf(nil, `{"op":"trace","state":{"edits":[{"id":"b0.w_6","i":0,"j":0,"v":%d}]},"want":["L"]}`, i))
		}
		runtime.GC()
	}
	fill(maxKept)
	runtime.ReadMemStats(&before)
	fill(1000)
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 || len(c.kept) > maxKept {
		t.Errorf("%d sessions are kept, and memory grew by %d bytes", len(c.kept), grown)
	}
}

func TestRegistry(t *testing.T) {
	var c Core
	r, _ := ask[registered](t, &c, `{"op":"registry"}`)
	if len(r.Equations) != len(paper.Equations) {
		t.Errorf("%d equations", len(r.Equations))
	}
}

func TestExercises(t *testing.T) {
	var c Core
	for _, x := range derive.Exercises {
		e, _ := ask[exercise](t, &c, `{"op":"exercise","id":"`+x.ID+`"}`)
		if e.Ask == "" || len(e.Names) == 0 && len(e.Choices) == 0 {
			t.Errorf("%s: %+v", x.ID, e)
		}
		for _, n := range e.Names {
			if n.Name == "" || n.MathML == "" || n.Meaning == "" {
				t.Errorf("%s: %+v", x.ID, n)
			}
		}
	}
	g, _ := ask[graded](t, &c, `{"op":"grade","id":"w_q","answer":"a_prev' @ D_raw @ q"}`)
	if g.Status != derive.Wrong || g.Column != 19 || g.Repair != "" || g.MathML == "" {
		t.Errorf("%+v", g)
	}
	if g, _ = ask[graded](t, &c, `{"op":"grade","id":"w_q","answer":"a_prev' @ D_raw @ k"}`); g.Status != derive.Right || g.Eq != "31.a" {
		t.Errorf("%+v", g)
	}
	l, _ := ask[looked](t, &c, `{"op":"shape","id":"w_q","answer":"a_prev @ D_raw"}`)
	if l.Shape != "" || l.Message == "" || l.Column == 0 {
		t.Errorf("%+v", l)
	}
	if l, _ = ask[looked](t, &c, `{"op":"shape","id":"w_q","answer":"a_prev' @ D_raw"}`); !strings.Contains(l.Shape, "×") {
		t.Errorf("%+v", l)
	}
}

// Every right answer and every typical wrong one is echoed in the paper's form.
func TestEchoes(t *testing.T) {
	for _, x := range derive.Exercises {
		if x.Level == derive.Predict {
			continue
		}
		for _, a := range append([]string{x.Solution()}, x.Accepted...) {
			if e := echo(x, a); e == "" {
				t.Errorf("%s: %s has no echo", x.ID, a)
			}
		}
	}
}

// Whatever is sent, there is an answer that can be taken apart, and no panic.
func FuzzHandle(f *testing.F) {
	for _, r := range []string{`{"op":"open"}`, `{"op":"trace","rev":1,"state":{"model":"lesson","tokens":[0,2],"targets":[2,-1],"mean":true,"rank":2,"edits":[{"id":"b0.h1.m","i":1,"j":0,"v":null},{"id":"b0.h1.rho","i":1,"j":0,"v":0.5}]},"before":{"tokens":[1,1]},"want":["*","b0.h1.rho"]}`,
		`{"op":"look","id":"b0.h1.D_causal","i":3,"j":1,"state":{"edits":[{"id":"b0.ln1.sigma","i":0,"j":0,"v":0}]}}`, `{"op":"check","id":"b0.D_5"}`, `{"op":"grade","id":"w_q","answer":"a_prev'","repair":true}`, `{"op":"shape","id":"w_q","answer":"~"}`, `{"op":"hint","id":"w_q","hint":1}`, `{"op":"nudge","id":"w_11","epsilon":1}`, `{"op":"exercises"}`,
		`{"op":"check","id":"b0.D_5","state":{"edits":[{"id":"b0.ln1.sigma","i":0,"j":0,"v":0}]}}`, `{"op":"nudge","id":"b0.a_1","epsilon":1,"state":{"edits":[{"id":"b0.ln1.sigma","i":0,"j":0,"v":0}]}}`} {
		f.Add([]byte(r))
	}
	var c Core
	f.Fuzz(func(t *testing.T, b []byte) {
		response, ok := c.Handle(b)
		header, _, err := Decode(response)
		if err != nil {
			t.Fatal(err)
		}
		var h struct {
			Error *string `json:"error"`
		}
		if err := json.Unmarshal(header, &h); err != nil || (h.Error == nil) != ok {
			t.Fatalf("%q is answered by %q", b, header)
		}
	})
}
