package model

import (
	"fmt"
	"os"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/hub"
	"github.com/pedestrian-ml/pedestrian/train"
)

// Export is m's network as package hub writes it. Of a network that learnt conversations,
// the token that ends an answer is one that ends a text.
func (m *Model) Export() *hub.Model[float32] {
	h := &hub.Model[float32]{Params: m.Params.Widened(), Tokenizer: m.Tokenizer, EOS: m.EOS, BOS: m.BOS, Name: m.Name}
	if m.Chat == nil || m.Tokenizer == nil {
		return h
	}
	h.Tokenizer = m.Tokenizer.WithChat(m.Chat.Template)
	if end := m.Chat.End; end >= 0 {
		if !slices.Contains(h.EOS, end) {
			h.EOS = append(slices.Clone(h.EOS), end)
		}
		if m.Tokenizer.IsSpecial(end) {
			h.Tokenizer = h.Tokenizer.WithEOS(end)
		}
		if len(h.BOS) > 0 && m.Tokenizer.IsSpecial(h.BOS[0]) { // as documents began in training, or the tokenizer has it
			h.Tokenizer = h.Tokenizer.WithBOS(h.BOS[0])
		}
	}
	return h
}

// ExportAdapter is the adapter of a run that was opened as package hub writes it, and the
// base that it stands beside elsewhere; nil where m is no such run. Of a run of an earlier
// version, whose base was folded for it, that is the base before and an adapter unfolded.
func (m *Model) ExportAdapter() (a *hub.Adapter, base *pedestrian.Params[float32]) {
	if m.Adapter == nil || m.Checkpoint == nil || m.Checkpoint.State.Adapter != m.Adapter {
		return nil, m.Params
	}
	return m.Unfold(trained(m.Checkpoint.Base, m.Adapter, m.Export().Tokenizer))
}

// Unfold is an adapter beside m, and its base, as others have them: where m's network was
// folded for a run of an earlier version, beside what it was before.
func (m *Model) Unfold(a *hub.Adapter) (*hub.Adapter, *pedestrian.Params[float32]) {
	if a == nil || m.unfolded == nil {
		return a, m.Params
	}
	p := m.unfolded
	return &hub.Adapter{Adapter: hub.UnfoldAdapter(a.Adapter, p.Config), BaseName: a.BaseName, BaseSHA256: train.Digest(p), Tokenizer: a.Tokenizer, Notes: a.Notes}, p
}

// Ends are sentences on where the texts of m end, for those who run it elsewhere; none
// where its tokenizer says all.
func (m *Model) Ends() []string {
	switch {
	case m.Chat == nil && m.End != "":
		return []string{fmt.Sprintf("A text ends with %q, which is several tokens: others have to be told (in transformers, generate(…, stop_strings=[%[1]q], tokenizer=tokenizer)).", m.End)}
	case m.Chat == nil:
		return nil
	case m.Chat.Stop == "":
		return []string{"It learnt conversations, and no end of an answer: others stop it at a number of tokens."}
	case m.Chat.End < 0:
		return []string{fmt.Sprintf("An answer ends with %q, which is several tokens: others have to be told (in transformers, generate(…, stop_strings=[%[1]q], tokenizer=tokenizer)).", m.Chat.Stop)}
	}
	return []string{fmt.Sprintf("An answer ends with %q, token %d, which is among those that end a text.", m.Chat.Stop, m.Chat.End)}
}

// SaveRun writes m's network as the run directory dir, with one checkpoint, of a network
// that was trained elsewhere: it can be sampled and gone on from, and has nothing to resume.
// The directory is made where it is not there. It is an InputError if dir is a file.
func (m *Model) SaveRun(dir string) (checkpoint string, err error) {
	if m.Tokenizer == nil {
		return "", inputf("%s has no tokenizer, and a run has one", m.Path)
	}
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return "", inputf("%s is a file: choose another directory", dir)
	}
	begin := ""
	if len(m.begun) > 0 {
		begin = m.Tokenizer.Decode(m.begun)
	}
	h := m.Export()
	c := &train.Checkpoint{
		Network: m.Params.Config, Data: train.DataInfo{Source: m.absolute, Begin: begin}, Tokenizer: h.Tokenizer,
		State: &train.State{Params: h.Params},
	}
	if eos, ok := c.Tokenizer.EOS(); !ok || !slices.Equal(h.EOS, []int32{eos}) {
		c.Ends = h.EOS
	}
	return c.Save(dir)
}
