package studio

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/paper"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// other is a network beside those of Models, with drawn parameters.
func other(c pedestrian.Config) *Model {
	m := &Model{Name: "run", Title: "a run", Config: c, Params: func(s State) (*pedestrian.Params[float64], error) { return drawn(c, s.Seed), nil }}
	for i := range c.Vocab {
		m.Words = append(m.Words, fmt.Sprint(i))
	}
	for t := range min(5, c.Context) {
		m.Tokens, m.Targets = append(m.Tokens, (3*t)%c.Vocab), append(m.Targets, (3*t+3)%c.Vocab)
	}
	return m
}

// Networks of other choices and sizes than ours are opened whole: their loss is the paper's,
// every cell is what its terms make, the gradients are those of differences.
func TestOtherNetworks(t *testing.T) {
	small := pedestrian.Config{Vocab: 7, Context: 9, Width: 6, Heads: 3, Blocks: 2, Activation: pedestrian.GELU, Eps: 1e-5, Tied: true}
	for name, change := range map[string]func(*pedestrian.Config){
		"tied, no biases": func(*pedestrian.Config) {},
		"all biases": func(c *pedestrian.Config) {
			c.Tied, c.Bias, c.LogitsBias, c.Activation = false, true, true, pedestrian.GELUTanh
		},
		"other sizes":  func(c *pedestrian.Config) { c.KeyDim, c.Hidden, c.Heads, c.Blocks = 3, 5, 1, 3 },
		"other scales": func(c *pedestrian.Config) { c.ScaleByBlock, c.Unscaled, c.Tied, c.LogitsBias = true, true, true, true },
	} {
		t.Run(name, func(t *testing.T) {
			c := small
			change(&c)
			if err := Fits(c); err != nil {
				t.Fatal(err)
			}
			m := other(c)
			for rank := 0; rank == 0 || rank == 2 && c.Tied && c.LogitsBias; rank += 2 {
				s, err := openAmong([]*Model{m}, State{Seed: 3, Rank: rank})
				if err != nil {
					t.Fatal(err)
				}
				loss, _ := paper.Network(nil, drawn(c, 3), nil, []paper.Sequence{{Tokens: m.Tokens, Targets: m.Targets}}, paper.Sum)
				if loss != s.Loss {
					t.Errorf("loss %g, of the paper %g", s.Loss, loss)
				}
				seen := map[string]bool{}
				for _, n := range s.nodes {
					if seen[n.ID] {
						t.Errorf("two nodes are %s", n.ID)
					}
					seen[n.ID] = true
					for k := 0; k < n.Rows*n.Cols; k += 1 + n.Rows*n.Cols/5 {
						i, j := k/n.Cols, k%n.Cols
						look := &Microscope{Ref: Ref{n.ID, i, j}, Value: s.value(n.ID).At(i, j)}
						(&scope{s, s.node(n.ID), i, j, look, at(n.ID)}).look()
						if want := s.value(n.ID).At(i, j); look.result != want && !(math.Abs(look.result-want) <= 1e-12*max(1, math.Abs(want))) {
							t.Errorf("rank %d: %s[%d,%d] is %g, its terms make %g", rank, n.ID, i+1, j+1, want, look.result)
						}
					}
					logits := strings.Contains(n.ID, "tok") || strings.Contains(n.ID, "logits") || strings.Contains(n.ID, "11")
					if n.Kind != Error && n.Kind != Gradient || n.Rows*n.Cols > 8 && !logits || rank > 0 && !logits {
						continue
					}
					if check, err := s.Check(n.ID); n.Kind == Gradient && n.Partner == "" {
						want := "that this network does not have"
						if strings.HasPrefix(n.Symbol, "∂L/∂w") {
							want = "one of two parts"
						}
						if err == nil || !strings.Contains(err.Error(), want) {
							t.Errorf("%s: %+v %v", n.ID, check, err)
						}
					} else if check, err := s.Check(n.ID); err != nil {
						t.Errorf("%s: %v", n.ID, err)
					} else if !check.OK {
						t.Errorf("rank %d: %+v", rank, check)
					}
				}
			}
		})
	}
}

func TestFits(t *testing.T) {
	small := pedestrian.Config{Vocab: 7, Context: 9, Width: 6, Heads: 3, Blocks: 2, Activation: pedestrian.GELU}
	for want, change := range map[string]func(*pedestrian.Config){
		"norm rms":             func(c *pedestrian.Config) { c.Norm = pedestrian.RMSNorm },
		"parameters are too":   func(c *pedestrian.Config) { c.Width = 360 },
		"at most 64 heads":     func(c *pedestrian.Config) { c.Blocks = 22 },
		"width is 0":           func(c *pedestrian.Config) { c.Width = 0 },
		"3120480 parameters a": func(c *pedestrian.Config) { c.Width = 360 },
	} {
		c := small
		change(&c)
		if err := Fits(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
	}
}

// A network that is more than the text that the studio shows is asked for no more tokens, and
// sessions of large ones are few.
func TestLargeNetworks(t *testing.T) {
	m := other(pedestrian.Config{Vocab: 60, Context: 300, Width: 96, Heads: 4, Blocks: 3, Activation: pedestrian.GELU, Eps: 1e-5, Tied: true})
	c := Core{More: []*Model{m}}
	if b, ok := c.Handle([]byte(`{"op":"trace","state":{"model":"run","tokens":[` + strings.Repeat("1,", 32) + `1]}}`)); ok || !strings.Contains(string(b), "at most 32 at a time") {
		t.Errorf("33 tokens: %s", b)
	}
	for seed := range 10 {
		ask[traced](t, &c, fmt.Sprintf(`{"op":"trace","state":{"model":"run","seed":%d},"want":["L"]}`, seed))
	}
	if len(c.kept) < 2 || len(c.kept) > 8 {
		t.Errorf("%d sessions are kept", len(c.kept))
	}
	numbers := 0
	for _, k := range c.kept {
		numbers += k.s.numbers()
	}
	if numbers > maxKeptNumbers {
		t.Errorf("%d sessions with %d numbers are kept", len(c.kept), numbers)
	}
}

// The laws hold in other networks, and break there; none of them ends the program.
func TestLawsOfOtherNetworks(t *testing.T) {
	for _, bias := range []bool{true, false} {
		m := other(pedestrian.Config{Vocab: 7, Context: 9, Width: 6, Heads: 3, Blocks: 2, Activation: pedestrian.GELU, Eps: 1e-5, Tied: !bias, Bias: bias})
		c := Core{More: []*Model{m}}
		for _, l := range Laws {
			for _, broken := range []bool{false, true} {
				b, ok := c.Handle(fmt.Appendf(nil, `{"op":"law","id":%q,"broken":%v,"state":{"model":"run","seed":3},"block":1,"head":2}`, l.ID, broken))
				var h struct {
					Holds bool
					Error string
				}
				header, _, err := Decode(b)
				if err != nil {
					t.Fatal(err)
				}
				if err := json.Unmarshal(header, &h); err != nil {
					t.Fatal(err)
				}
				if !ok && (bias || !strings.Contains(h.Error, "have no bias")) || ok && h.Holds == broken {
					t.Errorf("biases %v, law %s, broken %v: %+v", bias, l.ID, broken, h)
				}
			}
		}
	}
}
