package train

import (
	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/generate"
	"github.com/pedestrian-ml/pedestrian/token"
)

// Writer makes a writer of c's text for net, which was made with c's parameters.
func (c *Checkpoint) Writer(net *engine.Network[float32]) *generate.Writer {
	return c.Options.writer(net, c.Network, c.Tokenizer, c.Begin())
}

// Begin is the token that stood before every document in training, and so before a
// text that is to be a document; none in runs that had no such token.
func (c *Checkpoint) Begin() []int32 {
	if id, ok := c.Tokenizer.Special(c.Data.Begin); ok {
		return []int32{id}
	}
	return nil
}

// writer makes a writer for a network that was trained as o says, on documents that begin
// with begin; none = there was nothing before them.
func (o Options) writer(net *engine.Network[float32], c pedestrian.Config, tok *token.Tokenizer, begin []int32) *generate.Writer {
	w := generate.NewWriter(net, c, tok)
	w.Align, w.CRLF, w.Stop = o.Align, o.Reading != ReadingFormer, o.Tuning.End
	w.Begin, w.AddBegin = begin, len(begin) > 0
	return w
}
