package model

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/generate"
)

// TestChatWithPieces talks with a directory as TinyLlama-Chat's that has a tokenizer.model alone
// (testdata/hub-llama/tinyllama.py). The tokens of the conversation are those of tokenizers, the
// answers those of transformers; what is shown as it is written is the text: spaces before words,
// characters that come in bytes, and U+FFFD for bytes that are none. What was read for a turn is
// not read again, and without that the answers are the same.
func TestChatWithPieces(t *testing.T) {
	home := filepath.Join("..", "testdata", "hub-llama")
	text, err := os.ReadFile(filepath.Join(home, "tinyllama-chat.json"))
	if err != nil {
		t.Fatal(err)
	}
	var g struct {
		Asked []string
		Turns []struct {
			Prompt, Answer []int32
			Text           string
		}
	}
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	m := open(t, filepath.Join(home, "tinyllama-chat"), Options{})
	template, err := corpus.DefaultTemplate(m.Tokenizer)
	if err != nil || template.Name != "zephyr" {
		t.Fatalf("template %v, %v", template, err)
	}
	for _, reuse := range []bool{true, false} {
		net := engine.New(m.Params, nil, engine.Options{})
		defer net.Close()
		w := m.Writer(net)
		w.Reuse = reuse
		var said []corpus.Message
		var held []int32 // what the network has read
		for i, turn := range g.Turns {
			said = append(said, corpus.Message{Role: corpus.User, Content: g.Asked[i]})
			prompt, err := w.Conversation(template, said)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(prompt, turn.Prompt) {
				t.Fatalf("turn %d: tokens %v, of tokenizers %v", i, prompt, turn.Prompt)
			}
			fresh := len(prompt)
			for reuse && fresh > 1 && len(prompt)-fresh < len(held) && held[len(prompt)-fresh] == prompt[len(prompt)-fresh] {
				fresh--
			}
			shown := ""
			results, err := w.WriteAll(t.Context(), []generate.Request{{Tokens: prompt, Sampling: generate.Sampling{MaxTokens: len(turn.Answer)}, Emit: func(piece string) {
				if piece == "" || !strings.HasPrefix(turn.Text, shown+piece) {
					t.Errorf("turn %d: %q comes after %q, of %q", i, piece, shown, turn.Text)
				}
				shown += piece
			}}})
			if err != nil {
				t.Fatal(err)
			}
			r := results[0]
			if !slices.Equal(r.Tokens, turn.Answer) || r.Text != turn.Text || shown != turn.Text {
				t.Errorf("turn %d: %v, %q, shown %q; transformers %v, %q", i, r.Tokens, r.Text, shown, turn.Answer, turn.Text)
			}
			if r.Read != fresh || reuse && i > 0 && fresh > len(prompt)-len(g.Turns[i-1].Prompt) {
				t.Errorf("turn %d: %d of %d tokens were read, and %d are new", i, r.Read, len(prompt), fresh)
			}
			held = append(slices.Clone(prompt), r.Tokens[:len(r.Tokens)-1]...)
			said = append(said, corpus.Message{Role: corpus.Assistant, Content: template.Answer(r.Text)})
		}
	}
}
