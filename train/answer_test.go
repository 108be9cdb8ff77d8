package train

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/generate"
	"github.com/pedestrian-ml/pedestrian/token"
)

// A network that learnt conversations answers a message, and no more: in every
// template, whether its turns end by a text, by a token or by an end that was chosen;
// what is asked before does not matter where it did not in training.
func TestAnswer(t *testing.T) {
	var lines strings.Builder
	for i := range 60 {
		word := []string{"cat", "dog", "owl"}[i%3]
		fmt.Fprintf(&lines, `{"messages":[{"role":"user","content":"%d. a %s?"},{"role":"assistant","content":"%s no. %d"}]}`+"\n", i, word, strings.ToUpper(word), i%3)
	}
	path := filepath.Join(t.TempDir(), "chat.jsonl")
	if err := os.WriteFile(path, []byte(lines.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	tok := token.NewBytes()
	for _, c := range []struct{ template, end string }{{"plain", "\n"}, {"chatml", ""}, {"instruction", "##"}} {
		o := TuningOptions("base")
		o.Data, o.Val, o.Threads = path, "", 1
		o.Config = pedestrian.Config{Vocab: 256, Context: 96, Width: 32, Heads: 2, Blocks: 2, Activation: pedestrian.GELU, Eps: 1e-5, Tied: true}
		o.Tuning.Template, o.Tuning.End = c.template, c.end
		o.Tuning.Full, o.Tuning.Epochs, o.LR, o.Batch, o.ValFraction = true, 0, 5e-3, 4, 0.1
		o.Steps, o.EvalEvery = 300, 300
		p := NewState(o.Config, 3).Params
		r := finetune(t, o, Base{Path: "/models/base", SHA256: Digest(p), Params: p, Tokenizer: tok}, documentData(t, o, tok), "")
		if _, err := r.Train(t.Context(), Observer{}); err != nil {
			t.Fatal(err)
		}
		w := o.writer(r.net, r.Network, tok, nil)
		template, err := corpus.LoadTemplate(c.template)
		if err != nil {
			t.Fatal(err)
		}
		var together []generate.Request
		for i, word := range []string{"cat", "dog", "owl"} {
			ms := []corpus.Message{{Role: corpus.User, Content: "99. a " + word + "?"}}
			text, err := w.Answer(t.Context(), template, ms, generate.Sampling{MaxTokens: 60}, nil)
			want := fmt.Sprintf("%s no. %d", strings.ToUpper(word), i)
			if got := strings.TrimPrefix(text.Text, " "); got != want || !text.Stopped || err != nil {
				t.Errorf("%s: %q is answered %q, stopped %v, %v; want %q", c.template, word, text.Text, text.Stopped, err, want)
			}
			after, err := w.Conversation(template, ms)
			if err != nil {
				t.Fatal(err)
			}
			together = append(together, generate.Request{Sampling: generate.Sampling{MaxTokens: 60, Stop: stops(template)}, Tokens: after})
		}
		answers, err := w.WriteAll(t.Context(), together)
		for i, word := range []string{"CAT no. 0", "DOG no. 1", "OWL no. 2"} {
			if got := strings.TrimPrefix(answers[i].Text, " "); got != word || !answers[i].Stopped || err != nil {
				t.Errorf("%s: together, the answer is %q, stopped %v, %v; want %q", c.template, answers[i].Text, answers[i].Stopped, err, word)
			}
		}
		if text, err := w.Answer(t.Context(), template, []corpus.Message{{Role: corpus.User, Content: "99. a cat?"}}, generate.Sampling{MaxTokens: 60, Stop: []string{"never", " no"}}, nil); strings.TrimSpace(text.Text) != "CAT" || err != nil {
			t.Errorf("%s: stopped at %q, %v", c.template, text.Text, err)
		}
		if _, err := w.Conversation(template, []corpus.Message{{Role: "judge", Content: "x"}}); err == nil {
			t.Errorf("%s: a judge can be answered", c.template)
		}
		// An answer before the question ends as it did in training.
		tokens, err := w.Conversation(template, []corpus.Message{{Role: corpus.User, Content: "a"}, {Role: corpus.Assistant, Content: "b"}, {Role: corpus.User, Content: "c"}})
		if got := tok.Decode(tokens); !strings.Contains(got, "b"+c.end+template.Stop()) || err != nil {
			t.Errorf("%s: goes on from %q, %v", c.template, got, err)
		}
		r.Close()
	}
}

// stops is where the turns of a template end, for a sampler.
func stops(t *corpus.Template) []string {
	if t.Stop() == "" {
		return nil
	}
	return []string{t.Stop()}
}
