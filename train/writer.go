package train

import (
	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/generate"
	"github.com/pedestrian-ml/pedestrian/token"
)

// Writer returns a writer for net, a network with c's parameters. Its texts begin and end like
// those of the training data.
func (c *Checkpoint) Writer(net *engine.Network[float32]) *generate.Writer {
	return c.Options.writer(net, c.Network, c.Tokenizer, c.Begin())
}

// Begin returns the token that training put before every document, and that generated text
// starts from; nil if there was none.
func (c *Checkpoint) Begin() []int32 {
	if id, ok := c.Tokenizer.Special(c.Data.Begin); ok {
		return []int32{id}
	}
	return nil
}

// writer returns a writer for a network that was trained with o on documents that begin with
// begin, which may be nil.
func (o Options) writer(net *engine.Network[float32], c pedestrian.Config, tok *token.Tokenizer, begin []int32) *generate.Writer {
	w := generate.NewWriter(net, c, tok)
	w.Align, w.CRLF, w.Stop = o.Align, o.Reading != ReadingFormer, o.Tuning.End
	w.Begin, w.AddBegin = begin, len(begin) > 0
	return w
}
