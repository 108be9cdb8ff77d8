package train

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/token"
)

// A Base is the trained network that a fine-tuning run starts from. A checkpoint holds its
// path and digest, not its numbers.
type Base struct {
	Name   string `json:"name,omitempty"`  // its name on the hub, such as "openai-community/gpt2"
	Path   string `json:"path"`            // the absolute path that it was loaded from
	SHA256 string `json:"sha256"`          // of its weights, see Digest
	Vocab  int    `json:"vocab,omitempty"` // its vocabulary without the tokens that the run added; 0 if it added none

	Params    *pedestrian.Params[float32]  `json:"-"`
	Adapter   *pedestrian.Adapter[float32] `json:"-"` // that a new run's goes on from, or nil
	Tokenizer *token.Tokenizer             `json:"-"`
	Template  string                       `json:"-"` // that its conversations were written with, as Tuning.Template names it; "" = not known
}

// Digest returns the SHA-256, in hexadecimal, of the names, shapes and float32 numbers of p.
// It does not depend on the files that the weights are kept in, nor on how they are held in
// memory.
func Digest(p *pedestrian.Params[float32]) string { return baseDigest(p, 0) }

// baseDigest is Digest of p with only the first vocab tokens of its vocabulary; 0 = all.
func baseDigest(p *pedestrian.Params[float32], vocab int) string {
	h := sha256.New()
	buf, some := make([]byte, 0, 1<<16), make([]float32, 1<<14)
	sum := func(t pedestrian.Tensor[float32], first, n int) {
		for end := first + n; first < end; first += len(some) {
			chunk := some[:min(len(some), end-first)]
			t.Read(chunk, first)
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
	ts := p.Tensors() // with as many rows and columns, or more
	for i, s := range c.Slots() {
		t := ts[i]
		fmt.Fprintf(h, "%s %s\n", s.Name, s.Shape())
		if s.Cols == t.Cols {
			sum(t, 0, s.Rows*s.Cols)
			continue
		}
		for row := range s.Rows {
			sum(t, row*t.Cols, s.Cols)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Attach sets c.State.Params to p, the weights of the base, which Load leaves empty in a
// checkpoint of an adapter. It returns an error if p is not that base or has changed since.
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

// checkHeld returns an error if the precision of o is for a base in bf16 and p is not held so.
func (o Options) checkHeld(p *pedestrian.Params[float32]) error {
	if engine.Precision(o.Precision) == engine.BF16x3 && !p.Holds(pedestrian.BF16) {
		return fmt.Errorf("precision %q is for a base whose weights are in bf16, and those of this one are not: choose %q", engine.BF16x3, engine.Float32)
	}
	return nil
}
