package generate

import (
	"context"
	"fmt"
	"slices"

	"github.com/pedestrian-ml/pedestrian/corpus"
)

// Answer writes what the assistant says after messages, as a network does that was
// fine-tuned on conversations in the template t: token for token it is given what
// training gave it up to there, and the answer ends where what is learnt of a turn
// does, or before a string of Sampling.Stop. For emit and ctx see Write.
func (w *Writer) Answer(ctx context.Context, t *corpus.Template, messages []corpus.Message, s Sampling, emit func(string)) (Result, error) {
	tokens, err := w.Conversation(t, messages)
	if err != nil {
		return Result{}, err
	}
	if stop := t.Stop(); stop != "" {
		s.Stop = append(slices.Clone(s.Stop), stop)
	}
	return w.one(ctx, Request{Sampling: s, Tokens: tokens, Emit: emit})
}

// Conversation is the tokens that an answer to messages goes on from. The answer ends
// before t.Stop(), which a Request for it has among its stop strings.
func (w *Writer) Conversation(t *corpus.Template, messages []corpus.Message) ([]int32, error) {
	e, err := corpus.NewEncoder(w.tok, corpus.EncodeOptions{Template: t, End: w.Stop, Begin: w.before(), Legacy: !w.AddBegin})
	if err != nil {
		return nil, err
	}
	tokens, err := e.Prompt(messages)
	if err != nil {
		return nil, fmt.Errorf("the conversation, as template %s writes it: %w", t.Name, err)
	}
	return slices.Clone(tokens), nil
}
