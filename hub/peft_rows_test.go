package hub

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/token"
)

// grown is p with more tokens, whose rows and columns are zeros: what a network beside
// an adapter computes with them comes from the adapter.
func grown(p *pedestrian.Params[float32], vocab int) *pedestrian.Params[float32] {
	c := p.Config
	c.Vocab = vocab
	q := pedestrian.NewParams[float32](c)
	to := map[string]pedestrian.Tensor[float32]{}
	for _, t := range q.Tensors() {
		to[t.Name] = t
	}
	for _, t := range p.Tensors() {
		if t.Name == "logits.w" {
			for i := range t.Rows {
				copy(to[t.Name].V[i*vocab:], t.V[i*t.Cols:][:t.Cols])
			}
			continue
		}
		copy(to[t.Name].V, t.V)
	}
	return q
}

// Rows of single tokens that PEFT trained, some of which the base does not have, are
// read, compute here what they compute there, merged too, and go out as they came in.
func TestTheirRows(t *testing.T) {
	v := readVerdict(t, "theirs.json")
	for name, c := range map[string]struct {
		base   string
		tokens []int32
		vocab  int
	}{"tokens": {"tied", []int32{3, 17, 18}, 19}, "tokens_untied": {"untied", []int32{5, 17}, 18}} {
		p := readBase(t, c.base)
		a, err := LoadAdapter(filepath.Join(peftDir, "theirs", name), p)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a.Config.Tokens, c.tokens) || a.Base.Vocab != c.vocab || (a.LogitsRows.V != nil) != (c.base == "untied") {
			t.Errorf("%s: tokens %v of %d", name, a.Config.Tokens, a.Base.Vocab)
		}
		large := grown(p, c.vocab)
		tokens := v.Tokens
		if d := worst(logits(large, a.Adapter, tokens), v.Logits[name]); !(d < 1e-10) {
			t.Errorf("%s: logits differ from PEFT's by %g", name, d)
		}
		if d := worst(logits(engine.Merge(large, a.Adapter), nil, tokens), v.Logits[name]); !(d < 1e-5) {
			t.Errorf("%s: merged, logits differ from PEFT's by %g", name, d)
		}
		if d := worst(logits(large, nil, tokens), v.Logits[name]); !(d > 0.1) {
			t.Errorf("%s: the adapter changes logits by %g: the case shows nothing", name, d)
		}
		// It goes out as it came in, with the tokenizer that it was given.
		tok, ids, err := token.NewBytes().Extend("<x>")
		if err != nil || ids[0] != 256 {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "a")
		if err := SaveAdapter(dir, a, p); err != nil {
			t.Fatal(err)
		}
		again, err := LoadAdapter(dir, p)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(a, again, cmp.AllowUnexported(pedestrian.Values[float32]{})); diff != "" {
			t.Errorf("%s: written and read again:\n%s", name, diff)
		}
		a.Tokenizer, dir = tok, filepath.Join(t.TempDir(), "b")
		if err := SaveAdapter(dir, a, p); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadAdapter(dir, p); err == nil { // 257 tokens, and rows for 19
			t.Errorf("%s: a tokenizer of 257 tokens beside %d rows is read", name, c.vocab)
		}
	}
}
