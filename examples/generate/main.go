// Generate lets a model go on from a prompt, and prints the text as it comes.
//
//	go run ./examples/generate runs/story-1 "One day"
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/generate"
	"github.com/pedestrian-ml/pedestrian/hub"
	"github.com/pedestrian-ml/pedestrian/model"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: generate MODEL PROMPT, such as a run, a directory of Hugging Face or a name on its hub")
	}
	s := generate.Sampling{Temperature: 0.8, TopP: 0.95, Seed: 1}
	if err := write(context.Background(), os.Args[1], os.Args[2], s, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// write writes what the model called name says after prompt.
func write(ctx context.Context, name, prompt string, s generate.Sampling, out io.Writer) error {
	access := hub.Environment(os.LookupEnv)
	m, err := model.Open(ctx, name, model.Options{Cache: access.Cache, Fetch: access.Fetch})
	if err != nil {
		return err
	}
	net := engine.New(m.Params, m.Adapter, engine.Options{})
	defer net.Close()
	result, err := m.Writer(net).Write(ctx, prompt, s, func(piece string) { io.WriteString(out, piece) })
	if err == nil && !result.Stopped {
		fmt.Fprintln(out, "…") // it was not at its end
	}
	return err
}
