// Ours writes the tokenizer.json that TrainBPE learns from the texts on standard
// input, a JSON list; make.py hands it to Hugging Face's library.
package main

import (
	"encoding/json"
	"log"
	"os"
	"slices"

	"github.com/pedestrian-ml/pedestrian/token"
)

func main() {
	var texts []string
	if err := json.NewDecoder(os.Stdin).Decode(&texts); err != nil {
		log.Fatal(err)
	}
	t, err := token.TrainBPE(slices.Values(texts), token.TrainOptions{Vocab: 1200, MinCount: 2, Specials: []string{"<|endoftext|>", "<|im_start|>", "<|im_end|>"}, EOS: "<|im_end|>"})
	if err != nil {
		log.Fatal(err)
	}
	data, err := t.MarshalJSON()
	if err != nil {
		log.Fatal(err)
	}
	os.Stdout.Write(data)
}
