package live

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/generate"
	"github.com/pedestrian-ml/pedestrian/studio"
	"github.com/pedestrian-ml/pedestrian/token"
)

// Token by token, a page takes what a Writer writes at once; the probabilities are those of the
// paper's pass, and the keys that are kept are its keys.
func TestNextIsTheWriter(t *testing.T) {
	core := must(NewCore())
	m := core.More[0]
	tok := must(token.NewChars(corpus.Stories(corpus.AnyDialogue).Characters()))
	wide := must(m.Params(studio.State{Seed: 1, Step: 60}))
	p := pedestrian.NewParams[float32](m.Config)
	pedestrian.Convert(&p.Values, &wide.Values)
	net := engine.New(p, nil, engine.Options{Threads: 1})
	defer net.Close()
	for _, s := range []generate.Sampling{{}, {Temperature: 1, Seed: 3}, {Temperature: 0.7, TopK: 5, Seed: 1}, {Temperature: 1.5, TopP: 0.8, Seed: 2}} {
		s.MaxTokens = 20
		const prompt = "Once a ki"
		w, err := generate.NewWriter(net, p.Config, tok).Write(t.Context(), prompt, s, nil)
		if err != nil {
			t.Fatal(err)
		}
		ids := must(tok.Encode(prompt))
		tokens := slices.Clone(ids)
		for i, want := range w.Tokens {
			state := fmt.Sprintf(`{"model":"story","seed":1,"step":60,"tokens":%s}`, strings.ReplaceAll(fmt.Sprint(tokens), " ", ","))
			h, numbers := ask[chosen](t, core, `{"op":"next","state":%s,"prompt":%d,"temperature":%g,"topk":%d,"topp":%g,"draw":%d,"head":1}`, state, len(ids), s.Temperature, s.TopK, s.TopP, s.Seed)
			if int32(h.Taken) != want {
				t.Fatalf("%+v: token %d is %d, the writer's is %d", s, i, h.Taken, want)
			}
			session, err := core.Session(studio.State{Model: Story, Seed: 1, Step: 60, Tokens: ints(tokens)})
			if err != nil {
				t.Fatal(err)
			}
			last := len(tokens) - 1
			left := 0.0
			for _, c := range h.Choices {
				y := number(t, core, state, "y_pred")[last*m.Config.Vocab+c.Token]
				if math.Abs(c.P-y) > 1e-5 {
					t.Errorf("p of %d is %g, of the paper %g", c.Token, c.P, y)
				}
				left += c.Q
			}
			if s.TopK > 0 && (h.Left != s.TopK || math.Abs(left-1) > 1e-12) {
				t.Errorf("%+v: %d tokens are left, whose probabilities are %g together", s, h.Left, left)
			}
			keys := number(t, core, state, "b0.h1.k")
			for k, x := range keys {
				if math.Abs(numbers[k]-x) > 1e-5 {
					t.Fatalf("key %d is %g, of the paper %g", k, numbers[k], x)
				}
			}
			if h.Keys != [2]int{len(tokens), 16} || h.Apart[0] > 1e-5 || h.Scores[0] != len(tokens) || len(session.Tokens()) != len(tokens) {
				t.Errorf("%+v", h)
			}
			tokens = append(tokens, want)
		}
	}
}

func ints(ids []int32) (all []int) {
	for _, id := range ids {
		all = append(all, int(id))
	}
	return all
}

// number are the numbers of a tensor.
func number(t *testing.T, core *studio.Core, state, id string) []float64 {
	t.Helper()
	_, numbers := ask[struct{}](t, core, `{"op":"trace","state":%s,"want":[%q]}`, state, id)
	return numbers
}

func TestNextIsRefused(t *testing.T) {
	core := must(NewCore())
	for request, want := range map[string]string{
		`"temperature":-1`: "temperature is -1", `"topp":2`: "top-p is 2", `"topk":-1`: "top-k is -1",
		`"prompt":7`: "a prompt of 7 of 6 tokens", `"block":1`: "no head 0 in block 1", `"head":2`: "no head 2", `"state":{"tokens":[99]}`: "token 1 is 99",
	} {
		if b, ok := core.Handle([]byte(`{"op":"next",` + request + `}`)); ok || !strings.Contains(string(b), want) {
			t.Errorf("%s: %s", request, b)
		}
	}
}
