package train

import (
	"context"
	"slices"

	"github.com/pedestrian-ml/pedestrian/generate"
)

// Writer is a writer for the network as it is now, whose texts begin and end as those that
// it is trained on. It must not be used while Train is at work.
func (r *Run) Writer() *generate.Writer {
	if r.writer == nil {
		r.writer = r.Options.writer(r.net, r.Network, r.Data.Tokenizer, r.Data.Begin)
	}
	return r.writer
}

// sampleStart is how much of a document without a prompt a sample goes on from.
const sampleStart = 8 // tokens

// sample writes a little with the network as it is: of documents, what follows the
// prompt of one that is kept for validation, or of one that is learnt where none is;
// another one each time.
func (r *Run) sample(ctx context.Context) (Sample, error) {
	request := generate.Request{Sampling: generate.Sampling{Temperature: 0.8, Seed: r.State.Seed, MaxTokens: r.Options.SampleTokens}}
	if r.Data.ValExamples == nil {
		request.Prompt = r.Writer().DefaultPrompt()
		text, err := r.write(ctx, request)
		return Sample{r.State.Step, request.Prompt, text}, err
	}
	documents, which := r.Data.ValExamples, r.State.Evaluations
	if documents.Len() == 0 {
		documents, which = r.Data.Examples, r.State.Step/r.Options.EvalEvery
	}
	tokens, learn := documents.Document(which % documents.Len())
	n := slices.Index(learn, true)
	if n <= 1 {
		n = min(sampleStart, len(tokens))
	}
	request.Tokens = tokens[:n]
	text, err := r.write(ctx, request)
	return Sample{r.State.Step, r.Data.Tokenizer.Decode(tokens[len(r.Data.Begin):n]), text}, err
}

func (r *Run) write(ctx context.Context, request generate.Request) (string, error) {
	results, err := r.Writer().WriteAll(ctx, []generate.Request{request})
	return results[0].Text, err
}
