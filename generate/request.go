package generate

import (
	"context"
	"iter"
	"slices"
	"time"
)

// A Request asks for one text.
type Request struct {
	Sampling
	Prompt string                      // what the text goes on from
	Tokens []int32                     // the same as tokens, of Encode or Conversation; none = those of Prompt
	Emit   func(string)                // is given the text in whole characters as it comes; nil = nobody is
	Done   func(Result, time.Duration) // is told when the text is finished and how long it took; nil = nobody is
}

// A Result is what a writer wrote for one request.
type Result struct {
	Text    string  // without the prompt and what stopped it
	Tokens  []int32 // that were chosen: those of a stop string and a last one that ends a text included
	Stopped bool    // a stop string came, or a token that ends a text
	Read    int     // tokens that were read before the first was chosen, and where a full window began anew; see Writer.Reuse
}

// Write goes on from prompt. emit, when not nil, is given the text in whole characters
// as it comes. When ctx ends, the text so far is returned with the context's error.
func (w *Writer) Write(ctx context.Context, prompt string, s Sampling, emit func(string)) (Result, error) {
	return w.one(ctx, Request{Sampling: s, Prompt: prompt, Emit: emit})
}

func (w *Writer) one(ctx context.Context, r Request) (Result, error) {
	results, err := w.WriteAll(ctx, []Request{r})
	return results[0], err
}

// WriteAll writes a text for each request, w.Batch of them at a time, so that the
// weights are read once for a token of each: a text that is finished leaves its place to
// the next. Every one is the text that it is alone. An error of any request is told
// before the first token; when ctx ends, the texts so far are returned with the
// context's error.
func (w *Writer) WriteAll(ctx context.Context, requests []Request) ([]Result, error) {
	results := make([]Result, len(requests))
	requests = slices.Clone(requests)
	for i := range requests {
		if err := w.complete(&requests[i]); err != nil {
			return results, err
		}
	}
	begun := -1
	return results, w.write(ctx, len(requests), slices.Values(requests), func() *Result { begun++; return &results[begun] })
}

// WriteEach is WriteAll for requests that are made when it is their turn, at most count:
// nothing is kept of a text that is finished, so that there may be any number.
func (w *Writer) WriteEach(ctx context.Context, count int, requests iter.Seq[Request]) error {
	return w.write(ctx, count, requests, func() *Result { return new(Result) })
}

// complete fills in what r leaves to the writer. The error says why it cannot be written.
func (w *Writer) complete(r *Request) (err error) {
	if err := r.Validate(); err != nil {
		return err
	}
	if r.MaxTokens == 0 {
		r.MaxTokens = w.context
	}
	if len(r.Tokens) == 0 {
		r.Tokens, err = w.Encode(r.Prompt)
	}
	return err
}

// write writes the requests, the text of each into what into returns when it begins.
func (w *Writer) write(ctx context.Context, count int, requests iter.Seq[Request], into func() *Result) error {
	next, stop := iter.Pull(requests)
	defer stop()
	drafts := make([]*draft, max(1, min(w.Batch, count))) // by their row in the decoder
	if len(drafts) > w.rows {
		w.decoder, w.held, w.rows = nil, nil, len(drafts)
	}
	for {
		atWork := false
		for i, d := range drafts {
			if d == nil || d.done {
				drafts[i] = nil
				if r, more := next(); more {
					if err := w.complete(&r); err != nil {
						return err
					}
					drafts[i] = w.begin(r, into())
				}
			}
			atWork = atWork || drafts[i] != nil
		}
		if !atWork {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.round(drafts); err != nil {
			return err
		}
	}
}
