package train

import (
	"context"
	"fmt"
	"slices"

	"github.com/pedestrian-ml/pedestrian/corpus"
)

// Answer writes what the assistant says after ms, as a network writes it that was
// fine-tuned on conversations in the template t: token for token it is given what
// training gave it up to there, and it ends where what is learnt of a turn does, or
// before a string of Sampling.Stop. For emit and ctx see Write.
func (w *Writer) Answer(ctx context.Context, t *corpus.Template, ms []corpus.Message, s Sampling, emit func(string)) (Text, error) {
	after, err := w.Conversation(t, ms)
	if err != nil {
		return Text{}, err
	}
	if stop := t.Stop(); stop != "" {
		s.Stop = append(slices.Clone(s.Stop), stop)
	}
	return w.one(ctx, Order{Sampling: s, After: after, Emit: emit})
}

// Conversation is the tokens that an answer to ms goes on from. It ends before t.Stop().
func (w *Writer) Conversation(t *corpus.Template, ms []corpus.Message) ([]int32, error) {
	e, err := corpus.NewEncoder(w.tok, corpus.EncodeOptions{Template: t, End: w.Stop, Begin: w.before(), Former: !w.Documents})
	if err != nil {
		return nil, err
	}
	tokens, err := e.Prompt(ms)
	if err != nil {
		return nil, fmt.Errorf("the conversation, as template %s writes it: %w", t.Name, err)
	}
	return slices.Clone(tokens), nil
}
