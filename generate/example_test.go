package generate_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/generate"
	"github.com/pedestrian-ml/pedestrian/token"
)

// recite makes a writer whose network knows one line by heart: behind each of its
// characters, none of which comes twice, stands the next one. Trained networks come from
// train.Checkpoint.Writer and model.Model.Writer.
func recite(line string) *generate.Writer {
	tok, err := token.NewChars(line + "User Assistant?")
	if err != nil {
		panic(err)
	}
	ids, err := tok.Encode(line)
	if err != nil {
		panic(err)
	}
	n := tok.Vocab()
	p := pedestrian.NewParams[float32](pedestrian.Config{Vocab: n, Context: 64, Width: n, Heads: 1, Blocks: 1, Activation: pedestrian.GELU, Eps: 1e-5})
	for id := range n {
		p.Tok.V[id*n+id] = 1
		p.LNFinal.W.V[id] = 1
	}
	for i := range len(ids) - 1 {
		p.Logits.W.V[int(ids[i])*n+int(ids[i+1])] = 1
	}
	return generate.NewWriter(engine.New(p, nil, engine.Options{}), p.Config, tok)
}

func ExampleWriter_Write() {
	w := recite("abcdefgh.")
	text, err := w.Write(context.Background(), "ab", generate.Sampling{MaxTokens: 5}, func(piece string) { fmt.Print(piece, " ") })
	fmt.Println(text.Text, text.Stopped, err)
	// Output: c d e f g cdefg false <nil>
}

func ExampleWriter_WriteAll() {
	w := recite("abcdefgh.")
	until := generate.Sampling{Stop: []string{"."}}
	texts, err := w.WriteAll(context.Background(), []generate.Request{{Sampling: until, Prompt: "a"}, {Sampling: until, Prompt: "f"}})
	for _, text := range texts {
		fmt.Println(text.Text, len(text.Tokens), text.Stopped, err)
	}
	// Output:
	// bcdefgh 8 true <nil>
	// gh 3 true <nil>
}

func ExampleWriter_Answer() {
	w := recite(": yes.\n")
	template, err := corpus.LoadTemplate("plain")
	if err != nil {
		fmt.Println(err)
		return
	}
	w.Stop = "\n" // which ended what the assistant said in training
	messages := []corpus.Message{{Role: corpus.User, Content: "tea?"}}
	answer, err := w.Answer(context.Background(), template, messages, generate.Sampling{}, nil)
	fmt.Println(strings.TrimSpace(answer.Text), answer.Stopped, err)
	// Output: yes. true <nil>
}
