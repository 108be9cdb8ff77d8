package train

import (
	"context"
	"slices"

	"github.com/pedestrian-ml/pedestrian/generate"
)

// Writer returns a writer for the network with its present weights. Its texts begin and end like
// those of the training data. It must not be used while Train runs.
func (r *Run) Writer() *generate.Writer {
	if r.writer == nil {
		r.writer = r.Options.writer(r.net, r.Network, r.Data.Tokenizer, r.Data.Begin)
	}
	return r.writer
}

// sampleStart is the number of tokens of a document without a prompt that a sample continues.
const sampleStart = 8 // tokens

// sample generates a text with the present weights. With documents it continues the prompt of a
// validation document, or of a training document if there is none; each time another one.
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
