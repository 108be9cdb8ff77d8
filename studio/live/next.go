package live

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/generate"
	"github.com/pedestrian-ml/pedestrian/studio"
)

// maxChoices is how many tokens are listed, the likeliest first.
const maxChoices = 12

// A chosen is the header of the answer to "next": what may come after the tokens of a state, and
// what the cache holds. Behind it stand the keys of a head, a row for each token, and its values.
type chosen struct {
	Revision int        `json:"rev"`
	Prompt   int        `json:"prompt"`  // tokens that were given
	Taken    int        `json:"taken"`   // that a writer of this seed takes
	Choices  []choice   `json:"choices"` // the likeliest
	Left     int        `json:"left"`    // tokens that temperature, top-k and top-p leave
	Full     bool       `json:"full"`    // no token more fits into what the network reads here
	Keys     [2]int     `json:"keys"`    // rows and columns
	Values   [2]int     `json:"values"`
	MaxKey   float64    `json:"maxKey"` // largest entry without its sign
	MaxValue float64    `json:"maxValue"`
	Apart    [3]float64 `json:"apart"` // largest difference of keys, values and logits from those of a pass over all tokens
	Rows     int        `json:"rows"`  // that each layer computes for this token: 1 with the cache
	Scores   [2]int     `json:"scores"`
}

type choice struct {
	Token int     `json:"token"`
	P     float64 `json:"p"`
	Q     float64 `json:"q"`
}

// next answers "next" with the decoder that writes in earnest: the prompt is read at once, then
// token after token, as a [generate.Writer] does it.
func next(c *studio.Core, r studio.Request) (chosen, []float64, error) {
	how := generate.Sampling{Temperature: r.Temperature, TopK: r.TopK, TopP: r.TopP, Seed: r.Draw}
	if err := how.Validate(); err != nil {
		return chosen{}, nil, err
	}
	s, err := c.Session(r.State)
	if err != nil {
		return chosen{}, nil, err
	}
	wide, cfg := s.Parameters(), s.Model.Config
	n := len(s.Tokens())
	prompt := cmp.Or(r.Prompt, n)
	if prompt < 1 || prompt > n {
		return chosen{}, nil, fmt.Errorf("a prompt of %d of %d tokens", prompt, n)
	}
	if r.Block < 0 || r.Block >= cfg.Blocks || r.Head < 0 || r.Head >= cfg.Heads {
		return chosen{}, nil, fmt.Errorf("there is no head %d in block %d", r.Head, r.Block)
	}
	p := pedestrian.NewParams[float32](cfg)
	pedestrian.Convert(&p.Values, &wide.Values)
	net := engine.New(p, nil, engine.Options{Threads: 1, DecoderContext: cfg.Context})
	defer net.Close()
	tokens := make([]int32, n)
	for i, id := range s.Tokens() {
		tokens[i] = int32(id)
	}
	d := net.NewDecoder(1)
	logits := slices.Clone(d.Feed(0, tokens[:prompt]))
	for _, id := range tokens[prompt:] {
		copy(logits, d.Next([]int{0}, []int32{id}).Row(0))
	}
	all, taken, err := how.Choices(logits, n-prompt)
	if err != nil {
		return chosen{}, nil, err
	}
	h := chosen{Revision: r.Revision, Prompt: prompt, Taken: int(taken), Full: n == min(cfg.Context, studio.MaxTokens), Rows: n, Scores: [2]int{n, n * (n + 1) / 2}}
	for id, x := range all {
		h.Choices = append(h.Choices, choice{id, x.P, x.Q})
		if x.Q > 0 {
			h.Left++
		}
	}
	slices.SortStableFunc(h.Choices, func(a, b choice) int { return cmp.Compare(b.P, a.P) })
	if at := slices.IndexFunc(h.Choices, func(c choice) bool { return c.Token == int(taken) }); at >= maxChoices {
		h.Choices[maxChoices-1] = h.Choices[at] // it is listed in any case
	}
	h.Choices = h.Choices[:min(len(h.Choices), maxChoices)]

	keys, values := d.KeyValues(r.Block, 0)
	again := net.NewDecoder(1)
	afresh := again.Feed(0, tokens)
	for b := range cfg.Blocks {
		k, v := d.KeyValues(b, 0)
		k2, v2 := again.KeyValues(b, 0)
		h.Apart[0], h.Apart[1] = max(h.Apart[0], apart(k, k2)), max(h.Apart[1], apart(v, v2))
	}
	for i, x := range logits {
		h.Apart[2] = max(h.Apart[2], size(x-afresh[i]))
	}
	var numbers []float64
	put := func(m engine.Mat[float32], d int, shape *[2]int, top *float64) {
		*shape = [2]int{n, d}
		for t := range n {
			for _, x := range m.Row(t)[r.Head*d : (r.Head+1)*d] {
				numbers = append(numbers, float64(x))
				*top = max(*top, size(x))
			}
		}
	}
	put(keys, cfg.QueryDim(), &h.Keys, &h.MaxKey)
	put(values, cfg.ValueDim(), &h.Values, &h.MaxValue)
	return h, numbers, nil
}

// apart is the largest difference of two matrices of one shape.
func apart(a, b engine.Mat[float32]) (most float64) {
	for i := range a.Rows {
		for j, x := range a.Row(i) {
			most = max(most, size(x-b.Row(i)[j]))
		}
	}
	return most
}

// size is x without its sign.
func size(x float32) float64 { return float64(max(x, -x)) }
