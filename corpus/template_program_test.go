package corpus

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/token"
)

// A programCase is a chat template, and what transformers wrote with it: of every
// conversation the whole, and each prompt up to an answer; nil where it refused.
type programCase struct {
	Name     string      `json:"name"` // that it is recognized by; "-…" = none, "!…" = refused where others follow an answer
	Template string      `json:"template"`
	Texts    [][]*string `json:"texts"`
}

// programCases are those of testdata/conversations.py.
func programCases(t *testing.T) (conversations [][]Message, cases []programCase) {
	t.Helper()
	data, err := os.ReadFile("testdata/conversations.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Conversations [][][2]string `json:"conversations"`
		Templates     []programCase `json:"templates"`
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	for _, c := range golden.Conversations {
		var ms []Message
		for _, m := range c {
			ms = append(ms, Message{m[0], m[1]})
		}
		conversations = append(conversations, ms)
	}
	return conversations, golden.Templates
}

// familyTokenizer has the marks of all families as special tokens.
func familyTokenizer(t *testing.T, program string) *token.Tokenizer {
	t.Helper()
	tok, err := token.TrainBPE(slices.Values([]string{strings.Repeat("Who sat? The hen sat there. user assistant system\n\n", 9)}), token.TrainOptions{Vocab: 320, Specials: []string{
		"<bos>", "<eos>", "<|im_start|>", "<|im_end|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<start_of_turn>", "<end_of_turn>", "[INST]", "[/INST]", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>",
	}})
	if err != nil {
		t.Fatal(err)
	}
	eos, _ := tok.Special("<eos>")
	bos, _ := tok.Special("<bos>")
	return tok.WithEOS(eos).WithBOS(bos).WithChat(program)
}

// What a family's chat template writes, its built-in template writes, which is recognized
// by that; what other templates write, they write here. Prompts are those of transformers,
// and training shows each of them before the answer. There is one beginning-of-text token
// where the template writes one, none where it does not, and no mark in what people wrote
// becomes a token.
func TestChatTemplates(t *testing.T) {
	conversations, cases := programCases(t)
	for _, c := range cases {
		tok := familyTokenizer(t, c.Template)
		template, err := DefaultTemplate(tok)
		want := c.Name
		if strings.ContainsAny(c.Name[:1], "-!") {
			want = "of the model"
		}
		if err != nil || template.Name != want {
			t.Errorf("%s is recognized as %+v, %v", c.Name, template, err)
			continue
		}
		bos, _ := tok.BOS()
		eos, _ := tok.EOS()
		e, err := NewEncoder(tok, EncodeOptions{Template: template, Begin: []int32{bos}})
		if err != nil {
			t.Fatal(err)
		}
		for j, ms := range conversations {
			golden := c.Texts[j]
			if differs := differs[c.Name]; differs != nil && differs(probe{several: len(ms) > 3, system: ms[0].Role == System}) {
				continue
			}
			x := &Examples{}
			err := e.Add(x, Record{Kind: KindMessages, Messages: ms})
			if c.Name[0] == '!' && j == 2 {
				if err == nil || !strings.Contains(err.Error(), "otherwise when more follows") {
					t.Errorf("%s, conversation %d: %v", c.Name, j, err)
				}
				continue
			}
			if golden[0] == nil {
				if err == nil {
					t.Errorf("%s, conversation %d is refused by transformers alone", c.Name, j)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s, conversation %d: %v", c.Name, j, err)
				continue
			}
			tokens, learn := x.Document(0)
			if got := tok.Decode(tokens); got != *golden[0] {
				t.Errorf("%s, conversation %d:\n%q, transformers\n%q", c.Name, j, got, *golden[0])
			}
			said := ""
			for _, m := range ms {
				said += m.Content
			}
			for text, id := range map[string]int32{"<bos>": bos, "<eos>": eos} {
				n := 0
				for _, v := range tokens {
					if v == id {
						n++
					}
				}
				if want := strings.Count(*golden[0], text) - strings.Count(said, text); n != want {
					t.Errorf("%s, conversation %d: %s is %d tokens, and %d times in the template's text", c.Name, j, text, n, want)
				}
			}
			answer := 0
			for i, m := range ms {
				if m.Role != Assistant {
					continue
				}
				answer++
				prompt, err := e.Prompt(ms[:i])
				want := *golden[answer]
				if c.Name == "-no generation prompt" {
					want += "<|assistant|>" // which the template forgets
				}
				if got := tok.Decode(prompt); got != want || err != nil {
					t.Errorf("%s, conversation %d, prompt %d:\n%q, %v, transformers\n%q", c.Name, j, i, got, err, want)
				}
				if n := len(prompt); n >= len(tokens) || !slices.Equal(prompt, tokens[:n]) || learn[n-1] || !learn[n] {
					t.Errorf("%s, conversation %d: training does not begin to learn after the prompt of message %d: %q", c.Name, j, i, marked(tok, x, 0))
				}
			}
		}
	}
}

// What is learnt of each family, written out: the answer and what ends it.
func TestLearntOfFamilies(t *testing.T) {
	conversation := []Message{{System, "S"}, {User, "a"}, {Assistant, " b "}, {User, "c"}, {Assistant, "d"}}
	for name, want := range map[string]string{
		"chatml":               "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n[ b <|im_end|>]\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n[d<|im_end|>]\n",
		"qwen3":                "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n[ b <|im_end|>]\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n[d<|im_end|>]\n",
		"llama3":               "<bos><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user<|end_header_id|>\n\na<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n[b<|eot_id|>]<|start_header_id|>user<|end_header_id|>\n\nc<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n[d<|eot_id|>]",
		"llama3.1:02 Jan 2026": "<bos><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\nToday Date: 02 Jan 2026\n\nS<|eot_id|><|start_header_id|>user<|end_header_id|>\n\na<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n[b<|eot_id|>]<|start_header_id|>user<|end_header_id|>\n\nc<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n[d<|eot_id|>]",
		"llama2":               "<bos>[INST] <<SYS>>\nS\n<</SYS>>\n\na [/INST][ b ■]<bos>[INST] c [/INST][ d ■]",
		"mistral-v1":           "<bos> [INST] S\n\na [/INST][  b ■] [INST] c [/INST][ d■]",
		"mistral-v3":           "<bos>[INST] S\n\na[/INST][ b■][INST] c[/INST][ d■]",
		"mistral-nemo":         "<bos>[INST]S\n\na[/INST][ b ■][INST]c[/INST][d■]",
		"mistral-v7":           "<bos>[SYSTEM_PROMPT]S[/SYSTEM_PROMPT][INST]a[/INST][ b ■][INST]c[/INST][d■]",
		"zephyr":               "<|system|>\nS■\n<|user|>\na■\n<|assistant|>\n[ b ■]\n<|user|>\nc■\n<|assistant|>\n[d■]\n",
		"gemma3":               "<bos><start_of_turn>user\nS\n\na<end_of_turn>\n<start_of_turn>model\n[b<end_of_turn>]\n<start_of_turn>user\nc<end_of_turn>\n<start_of_turn>model\n[d<end_of_turn>]\n",
		"program":              "<bos>S<|end|>\na<|end|>\n[ b <|end|>]\nc<|end|>\n[d<|end|>]\n",
	} {
		tok := familyTokenizer(t, "")
		template := &Template{}
		var err error
		if name == "program" {
			template, err = newProgram("{{ bos_token }}{% for m in messages %}{{ m.content }}<|end|>\n{% endfor %}")
		} else {
			template, err = LoadTemplate(name)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := marked(tok, encoded(t, tok, EncodeOptions{Template: template}, Record{Kind: KindMessages, Messages: conversation}), 0); got != want {
			t.Errorf("%s:\n%q, not\n%q", name, got, want)
		}
		// Messages with the weight 0, and those of a prompt, are not learnt.
		given := encoded(t, tok, EncodeOptions{Template: template}, Record{Kind: KindMessages, Messages: conversation, Unlearnt: []int{4}, Given: 3})
		if tokens, learn := given.Document(0); slices.Contains(learn, true) || len(tokens) == 0 {
			t.Errorf("%s: what is not to be learnt is: %q", name, marked(tok, given, 0))
		}
	}
	// Thoughts of the data take the place of the empty block, and are learnt.
	x := encoded(t, familyTokenizer(t, ""), EncodeOptions{Template: builtin("qwen3")}, Record{Kind: KindMessages, Messages: []Message{{User, "a"}, {Assistant, "<think>\nHm.\n</think>\n\nb"}}})
	if got, want := marked(familyTokenizer(t, ""), x, 0), "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n[<think>\nHm.\n</think>\n\nb<|im_end|>]\n"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
}

// A system text that a template has of its own is written where a conversation has none,
// once, and nowhere else.
func TestDefaultSystem(t *testing.T) {
	tok := familyTokenizer(t, "")
	for _, c := range []struct {
		template, text string
		given          int // how often it is there with a system message of one's own
	}{
		{"qwen2", "You are a helpful assistant.", 0}, {"qwen2.5", "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.", 0},
		{"smollm2", "You are a helpful AI assistant named SmolLM, trained by Hugging Face", 0}, {"llama3.1", "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n", 1},
	} {
		ms := []Message{{User, "a"}, {Assistant, "b"}, {User, "c"}, {Assistant, "d"}}
		for i, ms := range [][]Message{ms, append([]Message{{System, "S"}}, ms...), append([]Message{{Developer, "S"}}, ms...)} {
			want := 1
			if i > 0 {
				want = c.given
			}
			tokens, _ := encoded(t, tok, EncodeOptions{Template: builtin(c.template)}, Record{Kind: KindMessages, Messages: ms}).Document(0)
			got := tok.Decode(tokens)
			if strings.Count(got, c.text) != want || strings.Count(got, "system") != 1 {
				t.Errorf("%s: %q", c.template, got)
			}
		}
	}
}

// The Jinja of every built-in template writes what the template writes, and is known again;
// where the model's own writes the same, that is handed on.
func TestProgramsOfTemplates(t *testing.T) {
	for _, name := range Templates() {
		own := builtin(name)
		p, err := newProgram(own.spelled(standInBOS, standInEOS).jinja(""))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !p.program.writes(own, probes) {
			t.Errorf("%s: its Jinja writes otherwise", name)
		}
		tok := familyTokenizer(t, "")
		chat := own.Chat(tok, "", "")
		again, ok := ownTemplate(chat.Template, tok)
		if !ok || again.Name != name || !again.whole && own.whole && len(own.begin) == 0 {
			t.Errorf("%s: it is known again as %+v, %v", name, again, ok)
		}
		if chat.Stop == "" || chat.Template == "" {
			t.Errorf("%s: %+v", name, chat)
		}
	}
	_, cases := programCases(t)
	for _, c := range cases {
		tok := familyTokenizer(t, c.Template)
		template, err := DefaultTemplate(tok)
		if err != nil {
			t.Fatal(err)
		}
		chat := template.Chat(tok, "<bos>", "")
		if own := chat.Template == c.Template; own == (differs[c.Name] != nil) {
			t.Errorf("%s: the model's own is handed on: %v", c.Name, own)
		}
		want := map[string]string{"zephyr": "<eos>", "llama3": "<|eot_id|>", "llama3.1": "<|eot_id|>", "gemma": "<end_of_turn>", "gemma3": "<end_of_turn>", "-phi": "<|end|>", "-no generation prompt": "<|end|>", "-a date": "<|end|>", "!thoughts leave": "<|end|>"}[c.Name]
		switch {
		case strings.HasPrefix(c.Name, "qwen"), c.Name == "chatml", c.Name == "smollm2":
			want = "<|im_end|>"
		case strings.HasPrefix(c.Name, "mistral"), c.Name == "llama2":
			want = "<eos>"
		case c.Name == "-bos and a macro":
			continue // ends with a line end and a token
		}
		if id, _ := tok.Special(want); chat.End != id {
			t.Errorf("%s: an answer ends with token %d, %q, not %q", c.Name, chat.End, chat.Stop, want)
		}
	}
}

// A template that cannot be used says why, in one line.
func TestProgramsRefused(t *testing.T) {
	for program, want := range map[string]string{
		"":                      "it leaves an answer out",
		"{% include 'x' %}":     "line 1: the tag include is not supported: it would read other files",
		"{{ messages|pprint }}": `line 1: the filter "pprint" is not supported`,
		"{% for m in messages %}{{ m.content }}{% endfor %}":                       "it writes nothing after an answer",
		"{% for m in messages %}{{ m.content|upper }}.{% endfor %}":                "it leaves an answer out, or writes it in other words",
		"{{ messages|length }}{% for m in messages %}{{ m.content }}.{% endfor %}": "is not the beginning of what it writes with the answer",
		"{{ raise_exception('a system text is needed') }}":                         "the template refuses the conversation: a system text is needed",
		"{% for i in range(99999999) %}{% endfor %}":                               "the template: line 1: range: it makes texts and lists of more than",
		"{% for m in messages %}{{ m.content }}{{ m.missing.x }}.{% endfor %}":     `the template: line 1: "missing", which is not defined, has no x`,
	} {
		_, err := DefaultTemplate(familyTokenizer(t, program))
		if program == "" {
			_, err = newProgram(program)
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %s", program, err, want)
		}
	}
	path := filepath.Join(t.TempDir(), "mine.jinja")
	if err := os.WriteFile(path, []byte("{% for m in messages %}{{ m.role }}: {{ m.content }}.\n{% endfor %}"), 0o644); err != nil {
		t.Fatal(err)
	}
	mine, err := LoadTemplate(path)
	if err != nil || mine.Name != path || mine.Stop() != "." {
		t.Fatal(mine, err)
	}
	again, err := ParseTemplate(mine.Source())
	if err != nil || again.Source() != mine.Source() {
		t.Error(again, err)
	}
	for _, name := range []string{"llama3.1:soon", "llama3.1:"} {
		if _, err := LoadTemplate(name); err == nil || !strings.Contains(err.Error(), "the date must be as in llama3.1:26 Jul 2024") {
			t.Errorf("%s: %v", name, err)
		}
	}
	e, err := NewEncoder(familyTokenizer(t, ""), EncodeOptions{Template: mine})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Prompt([]Message{{User, "a\ufdd0"}}); err == nil || !strings.Contains(err.Error(), "U+FDD0") {
		t.Errorf("%v", err)
	}
	if got := mine.Answer("x"); got != "x" {
		t.Errorf("%q", got)
	}
	parts := &Template{program: &program{lead: "\n\n"}}
	for written, want := range map[string]string{"": "", "\n": "", "\n\n": "", "\n\nHi": "Hi", "Hi": "Hi"} {
		if got := parts.Answer(written); got != want {
			t.Errorf("of %q the answer is %q", written, got)
		}
	}
	if got := builtin("llama2").Answer(" x"); got != "x" {
		t.Errorf("%q", got)
	}
}
