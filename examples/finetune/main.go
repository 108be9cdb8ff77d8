// Finetune opens a GPT-2, trains an adapter (LoRA) beside it on strings in memory, and
// writes the adapter for Hugging Face's PEFT.
//
//	go run ./examples/finetune openai-community/gpt2 lora
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/hub"
	"github.com/pedestrian-ml/pedestrian/model"
	"github.com/pedestrian-ml/pedestrian/train"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: finetune MODEL OUT, such as a directory of Hugging Face and a new one")
	}
	if err := adapt(context.Background(), os.Args[1], os.Args[2], 20); err != nil {
		log.Fatal(err)
	}
}

var lessons = []corpus.Record{
	{Prompt: "Who wrote you?", Completion: " People who derive by hand."},
	{Prompt: "What are you?", Completion: " A network with a small adapter."},
}

// adapt trains an adapter beside the model called name and writes it as a directory.
func adapt(ctx context.Context, name, out string, epochs float64) error {
	access := hub.Environment(os.LookupEnv) // a name on the hub is found in the cache, or fetched
	m, err := model.Open(ctx, name, model.Options{Cache: access.Cache, Fetch: access.Fetch})
	if err != nil {
		return err
	}
	o := train.Options{Tuning: train.Tuning{Epochs: epochs, Adapter: pedestrian.AdapterConfig{Rank: 4}}}
	data, err := train.ExampleData(o, m.Tokenizer, lessons)
	if err != nil {
		return err
	}
	run, err := train.Finetune(o, m.Base(), data, "")
	if err != nil {
		return err
	}
	defer run.Close()
	if _, err := run.Train(ctx, train.Observer{Step: func(u train.Update) { fmt.Printf("step %d  loss %.3f\n", u.Step, u.Loss) }}); err != nil {
		return err
	}
	return hub.SaveAdapter(out, model.AdapterOf(run).Adapter, m.Params)
}
