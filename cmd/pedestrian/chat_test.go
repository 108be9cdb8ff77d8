package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/generate"
	"github.com/pedestrian-ml/pedestrian/hub"
	"github.com/pedestrian-ml/pedestrian/model"
	"github.com/pedestrian-ml/pedestrian/safetensors"
)

// transformers answers with an export of ours and stops, as we do: its prompts are
// ours, its answers end with the token that training taught (testdata/transformers/chat.py);
// and what it was shown is what is written today.
func TestAnswersStopInTransformers(t *testing.T) {
	dir := filepath.Join("..", "..", "testdata", "transformers", "chat")
	data, err := os.ReadFile(dir + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Limit   int     `json:"limit"`
		EOS     []int32 `json:"eos"`
		Answers []struct {
			Message        string `json:"message"`
			Prompt, Answer []int32
			Text           string `json:"text"`
		} `json:"answers"`
	}
	if err := json.Unmarshal(data, &golden); err != nil || len(golden.Answers) != 8 {
		t.Fatal(len(golden.Answers), err)
	}
	m, err := openModel(context.Background(), dir, false, model.Options{}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(m.EOS, golden.EOS) {
		t.Errorf("ends %v, transformers %v", m.EOS, golden.EOS)
	}
	net := engine.New(m.Params, nil, engine.Options{})
	defer net.Close()
	w := m.Writer(net)
	template, err := corpus.DefaultTemplate(m.Tokenizer)
	if err != nil || template.Name != "chatml" {
		t.Fatal(template, err)
	}
	for _, a := range golden.Answers {
		ms := []corpus.Message{{Role: corpus.User, Content: a.Message}}
		prompt, err := w.Conversation(template, ms)
		if err != nil || !slices.Equal(prompt, a.Prompt) {
			t.Errorf("%s: prompt %v, %v; transformers %v", a.Message, prompt, err, a.Prompt)
		}
		text, err := w.Answer(context.Background(), template, ms, generate.Sampling{MaxTokens: golden.Limit}, nil)
		if err != nil || text.Text != a.Text || !text.Stopped || len(text.Tokens) != len(a.Answer) {
			t.Errorf("%s: %+v, %v; transformers %q, %v", a.Message, text, err, a.Text, a.Answer)
		}
		if n := len(a.Answer); n == 0 || n >= golden.Limit || !slices.Contains(golden.EOS, a.Answer[n-1]) {
			t.Errorf("%s: transformers did not stop: %v", a.Message, a.Answer)
		}
	}
	again := filepath.Join(t.TempDir(), "again")
	if err := hub.SaveHuggingFace(again, m.Export(), hub.SaveOptions{DType: safetensors.BF16}); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) < 8 {
		t.Fatal(len(entries), err)
	}
	for _, e := range entries {
		a, err := os.ReadFile(filepath.Join(dir, e.Name()))
		b, err2 := os.ReadFile(filepath.Join(again, e.Name()))
		if err != nil || err2 != nil || string(a) != string(b) {
			t.Errorf("%s is written otherwise today: %v %v", e.Name(), err, err2)
		}
	}
}
