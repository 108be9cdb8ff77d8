package live

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/generate"
	"github.com/pedestrian-ml/pedestrian/studio"
	"github.com/pedestrian-ml/pedestrian/token"
)

// A Network is one that was trained elsewhere, to be looked at in the studio.
type Network struct {
	Name      string // short, for links
	Title     string // for readers
	Params    *pedestrian.Params[float32]
	Tokenizer *token.Tokenizer

	// Writer makes a writer of it, which knows how its texts begin and end.
	Writer func(*engine.Network[float32]) *generate.Writer

	// Text is what it reads at first. Sample is a text of the kind that it has learnt, whose
	// beginning it reads where Text is "". Without both it writes one.
	Text, Sample string
}

// ownTokens is how many tokens a network reads at first of a text that nobody gave: as many as
// a screen shows with their digits.
const ownTokens = 16

// Model is n as the studio opens it. It reads the first tokens of its text, as many as it and
// the studio can; whole says whether that is all of it. An error says why the studio cannot
// open n, or what is wrong with the text.
func (n Network) Model(ctx context.Context) (m *studio.Model, whole bool, err error) {
	c := n.Params.Config
	if err := studio.Fits(c); err != nil {
		return nil, false, err
	}
	ids, err := n.read(ctx)
	if err != nil {
		return nil, false, err
	}
	window := min(c.Context, studio.MaxTokens)
	if n.Text == "" {
		window = min(window, ownTokens)
	}
	m = &studio.Model{Name: n.Name, Title: n.Title, Config: c, Words: Words(n.Tokenizer, c.Vocab)}
	if whole = len(ids) <= window; whole {
		ids = append(ids, -1) // what follows is not known
	}
	for t, id := range ids[:min(window, len(ids)-1)] {
		m.Tokens, m.Targets = append(m.Tokens, int(id)), append(m.Targets, int(ids[t+1]))
	}
	m.Params = func(studio.State) (*pedestrian.Params[float64], error) { return doubled(n.Params), nil }
	return m, whole, nil
}

// read is the tokens of n's text.
func (n Network) read(ctx context.Context) ([]int32, error) {
	net := engine.New(n.Params, nil, engine.Options{Threads: 1, DecoderContext: generate.Context(n.Params.Config)})
	defer net.Close()
	w := n.Writer(net)
	if text := cmp.Or(n.Text, n.Sample); text != "" {
		return w.Encode(text)
	}
	ids, err := w.Encode(w.DefaultPrompt())
	if err != nil {
		return nil, err
	}
	r, err := w.WriteAll(ctx, []generate.Request{{Tokens: ids, Sampling: generate.Sampling{Temperature: 0.7, Seed: 1, MaxTokens: ownTokens}}})
	if err != nil {
		return nil, fmt.Errorf("letting it write a text to look at: %w", err)
	}
	return append(ids, r[0].Tokens...), nil
}

// doubled is p in float64: the same numbers.
func doubled(p *pedestrian.Params[float32]) *pedestrian.Params[float64] {
	wide := p.Widened()
	d := pedestrian.NewParams[float64](p.Config)
	pedestrian.Convert(&d.Values, &wide.Values)
	return d
}

// Words are the tokens of a vocabulary as a reader sees them: blanks and line ends are visible.
func Words(tok *token.Tokenizer, vocab int) []string {
	all := make([]string, vocab)
	for i := range all {
		if i >= tok.Vocab() {
			all[i] = fmt.Sprintf("#%d", i) // a row of the network without a token
			continue
		}
		all[i] = visible(tok.Token(int32(i)))
	}
	return all
}

// visible is a token in which every character can be seen.
func visible(s string) string {
	if s == "" {
		return "∅"
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '·'
		case r == '\n':
			return '¶'
		case r == '\t':
			return '→'
		case r < 0x20:
			return 0x2400 + r&0x1f // a picture of the control character
		}
		return r // of bytes that are no character U+FFFD
	}, s)
}
