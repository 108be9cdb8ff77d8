// Train learns a text that is in memory, character by character, and writes from it.
//
//	go run ./examples/train
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/generate"
	"github.com/pedestrian-ml/pedestrian/token"
	"github.com/pedestrian-ml/pedestrian/train"
)

func main() {
	text := corpus.Stories(corpus.AnyDialogue).Text(1, 200_000) // or any string of your own
	if err := learn(context.Background(), text, 300, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// learn trains a small network on text for so many steps, and lets it write.
func learn(ctx context.Context, text string, steps int, out io.Writer) error {
	tok, err := token.NewChars(text)
	if err != nil {
		return err
	}
	o := train.Options{
		Config:      pedestrian.Config{Context: 64, Width: 64, Heads: 4, Blocks: 2},
		Steps:       steps,
		ValFraction: 0.1, // the end of the text is kept for validation
	}
	data, err := train.TextData(o, tok, text)
	if err != nil {
		return err
	}
	run, err := train.Start(o, data, "") // or a directory, which the run can be resumed from
	if err != nil {
		return err
	}
	defer run.Close()
	if _, err := run.Train(ctx, train.Observer{Evaluate: func(e train.Evaluation) {
		fmt.Fprintf(out, "step %3d  validation loss %.3f\n", e.Step, e.Loss)
	}}); err != nil {
		return err
	}
	written, err := run.Writer().Write(ctx, "One day", generate.Sampling{Temperature: 0.8, Seed: 1, MaxTokens: 300}, nil)
	fmt.Fprintf(out, "One day%s\n", written.Text)
	return err
}
