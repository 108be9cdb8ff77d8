package train

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/token"
)

// A Base is a network that has learnt already, and that a run goes on from. In a
// checkpoint it is what identifies it; the numbers stay where they are.
type Base struct {
	Name   string `json:"name,omitempty"`  // as others know it, such as "openai-community/gpt2"
	Path   string `json:"path"`            // where it was loaded from, absolute
	SHA256 string `json:"sha256"`          // of its weights, as Digest tells
	Vocab  int    `json:"vocab,omitempty"` // tokens that it has itself, where the run has added some; else 0

	Params    *pedestrian.Params[float32]  `json:"-"`
	Adapter   *pedestrian.Adapter[float32] `json:"-"` // that a new run's goes on from, or nil
	Tokenizer *token.Tokenizer             `json:"-"`
	Template  string                       `json:"-"` // that its conversations were written with, as Tuning.Template names it; "" = not known
}

// Digest is the SHA-256, in hexadecimal, of the names, shapes and numbers of p as
// float32: the same for the same weights in whatever files they are kept.
func Digest(p *pedestrian.Params[float32]) string { return baseDigest(p, 0) }

// baseDigest is Digest of p with the first tokens of its vocabulary alone; 0 = all.
func baseDigest(p *pedestrian.Params[float32], vocab int) string {
	h := sha256.New()
	buf := make([]byte, 0, 1<<16)
	sum := func(v []float32) {
		for chunk := range slices.Chunk(v, cap(buf)/4) {
			buf = buf[:0]
			for _, v := range chunk {
				buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
			}
			h.Write(buf)
		}
	}
	c := p.Config
	if vocab > 0 {
		c.Vocab = vocab
	}
	ts := p.Tensors() // of as many rows and columns, or more
	for i, s := range c.Slots() {
		t := ts[i]
		fmt.Fprintf(h, "%s %s\n", s.Name, s.Shape())
		if s.Cols == t.Cols {
			sum(t.V[:s.Rows*s.Cols])
			continue
		}
		for row := range s.Rows {
			sum(t.V[row*t.Cols:][:s.Cols])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Attach puts p, the base that the run of c went on from, in the place that Load
// leaves empty in a checkpoint of an adapter. It refuses another network, or one that
// has changed since.
func (c *Checkpoint) Attach(p *pedestrian.Params[float32]) error {
	if c.State.Adapter == nil {
		panic("train.Checkpoint.Attach: " + c.Dir + " holds a whole network")
	}
	sum := ""
	if wide := p.Config; c.Base.Vocab == wide.Vocab && c.Base.Vocab < c.Network.Vocab {
		if wide.Vocab = c.Network.Vocab; wide == c.Network { // tokens were added
			sum, p = Digest(p), Extend(p, wide.Vocab)
		}
	}
	if p.Config != c.Network {
		return fmt.Errorf("%s: its adapter stands beside a network of %d blocks, %d heads, width %d, context %d and vocabulary %d, and the base has %d, %d, %d, %d and %d: give the base it was trained on, which was %s",
			c.Dir, c.Network.Blocks, c.Network.Heads, c.Network.Width, c.Network.Context, c.Network.Vocab,
			p.Config.Blocks, p.Config.Heads, p.Config.Width, p.Config.Context, p.Config.Vocab, c.Base.Path)
	}
	if sum == "" {
		sum = Digest(p)
	}
	if sum != c.Base.SHA256 {
		return fmt.Errorf("%s: the base is not the one that its adapter was trained on: SHA-256 of its weights %.12s, it was %.12s: restore %s",
			c.Dir, sum, c.Base.SHA256, c.Base.Path)
	}
	c.State.Params, c.Base.Params = p, p
	return nil
}
