package corpus

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/token"
)

// conversations are what the templates of chats.json were rendered with.
var conversations = [][]Message{
	{{User, "Who sat?"}, {Assistant, "The hen."}},
	{{System, "Be short."}, {User, "Who sat? "}, {Assistant, " The hen\nand the 'owl'."}, {User, "Where {there}?"}, {Assistant, "On \\ \"it\" 漢 🙂."}},
	{{System, ""}, {User, "{{ messages }} {% if %}"}, {Assistant, "}}#} '"}},
	{{Developer, "Be kind."}, {User, "Who?"}, {Assistant, "I."}},
	{{User, "a"}, {User, "b"}, {Assistant, ""}, {Assistant, "c"}},
}

// A chatCase is a template that transformers rendered, and what it wrote.
type chatCase struct {
	Name      string            `json:"name"`
	Source    string            `json:"source"` // of the template
	Begin     string            `json:"begin"`
	End       string            `json:"end"`
	Tokenizer string            `json:"tokenizer"` // bpe or bytes
	Files     map[string]string `json:"files"`     // of the tokenizer, with the chat template in them
	Answers   []struct {
		Text      string  `json:"text"`
		IDs       []int32 `json:"ids"`
		Prompt    string  `json:"prompt"` // up to the last message, which is the assistant's to write
		PromptIDs []int32 `json:"prompt_ids"`
	} `json:"answers"`
	Refused string `json:"refused"` // what it says to a role without a text
}

// chatCases are the templates, without answers.
func chatCases(t *testing.T) (cases []chatCase) {
	own := `# braces, quotes and all
begin "<|endoftext|>It's {{{{ }}}} a \"talk\" \\ {{%\t#}}\r\n"
user "<|im_start|>{content} \u00e9\n"
assistant "->:{learn} {content}\n<|im_end|>{/learn} ok{eos}"
end "[{{{{done}}}}]"
`
	for _, c := range []chatCase{
		{Name: "chatml"}, {Name: "plain"}, {Name: "instruction"},
		{Name: "chatml", Begin: "<|endoftext|>"}, {Name: "plain", End: "\n\n"}, {Name: "plain", End: "\n", Tokenizer: token.Bytes},
		{Name: "plain", Tokenizer: token.Bytes}, {Name: "own", Source: own}, {Name: "own after <|endoftext|>", Source: own, Begin: "<|endoftext|>"},
		{Name: "chatml after its own mark", Begin: "<|im_start|>"},
		{Name: "a developer", Source: "system \"S:{content}\\n\"\ndeveloper \"D:{content}\\n\"\nuser \"U:{content}\\n\"\nassistant \"A:{learn}{content}{eos}{/learn}\"\n"},
	} {
		if name, _, _ := strings.Cut(c.Name, " "); c.Source == "" {
			c.Source, _ = TemplateSource(name)
		}
		if c.Tokenizer == "" {
			c.Tokenizer = token.BPE
		}
		files, err := chatTokenizerOf(t, c).HuggingFace()
		if err != nil {
			t.Fatal(err)
		}
		c.Files = map[string]string{}
		for _, name := range []string{"tokenizer.json", "tokenizer_config.json"} {
			c.Files[name] = string(files[name])
		}
		cases = append(cases, c)
	}
	return cases
}

func (c chatCase) template(t *testing.T) *Template {
	template, err := ParseTemplate(c.Source)
	if err != nil {
		t.Fatal(err)
	}
	return template
}

// chatTokenizerOf is the tokenizer of a case, with the chat template.
func chatTokenizerOf(t *testing.T, c chatCase) *token.Tokenizer {
	tok := token.NewBytes()
	if c.Tokenizer == token.BPE {
		var err error
		text := "Who sat? The hen. Who sat? The owl. User: Assistant: ### Instruction: ### Response: user assistant system\n\n"
		if tok, err = token.TrainBPE(slices.Values([]string{strings.Repeat(text, 9)}), token.TrainOptions{Vocab: 330, Specials: []string{"<|endoftext|>", "<|im_start|>", "<|im_end|>"}}); err != nil {
			t.Fatal(err)
		}
	}
	return tok.WithChat(c.template(t).Chat(tok, c.Begin, c.End).Template)
}

// A chat template writes what training writes: transformers rendered each, and its
// tokens are the encoder's. testdata/chats.py has asked it.
func TestChatTemplateAsTheReference(t *testing.T) {
	cases := chatCases(t)
	if os.Getenv("CHATS") == "write" { // for the script
		out, err := json.MarshalIndent(map[string]any{"conversations": conversations, "cases": cases}, "", " ")
		if err == nil {
			err = os.WriteFile("testdata/chats.json", out, 0o644)
		}
		t.Fatal("written, to be answered by testdata/chats.py: ", err)
	}
	data, err := os.ReadFile("testdata/chats.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Cases []chatCase `json:"cases"`
	}
	if err := json.Unmarshal(data, &golden); err != nil || len(golden.Cases) != len(cases) {
		t.Fatalf("%d cases, and %d were answered: %v", len(cases), len(golden.Cases), err)
	}
	for i, c := range cases {
		g := golden.Cases[i]
		if c.Files["tokenizer_config.json"] != g.Files["tokenizer_config.json"] || c.Files["tokenizer.json"] != g.Files["tokenizer.json"] {
			t.Errorf("%s: the tokenizer is not what transformers was shown:\n%s", c.Name, c.Files["tokenizer_config.json"])
			continue
		}
		tok, template := chatTokenizerOf(t, c), c.template(t)
		var begin []int32
		if id, ok := tok.Special(c.Begin); ok {
			begin = []int32{id}
		}
		again, known := ownTemplate(tok.ChatTemplate(), tok)
		if !known || again.Source() != beginning(template.spelled(bosOf(tok), eosOf(tok, c.End)), c.Begin).Source() {
			t.Errorf("%s: it is not known again", c.Name)
		}
		for j, ms := range conversations {
			if c.template(t).roles[System] == nil && ms[0].Role != User {
				ms = ms[1:]
			}
			a := g.Answers[j]
			for what, given := range map[string]*Template{"as trained": template, "known again": again} {
				e, err := NewEncoder(tok, EncodeOptions{Template: given, End: c.End, Begin: begin})
				if err != nil {
					t.Fatal(err)
				}
				x := &Examples{}
				if err := e.Add(x, Record{Kind: KindMessages, Messages: ms}); err != nil {
					t.Fatal(err)
				}
				tokens, _ := x.Document(0)
				if got := tok.Decode(tokens); got != a.Text {
					t.Errorf("%s %s, conversation %d:\n%q, transformers\n%q", c.Name, what, j, got, a.Text)
				} else if !slices.Equal(tokens, a.IDs) {
					t.Errorf("%s %s, conversation %d: %v, transformers %v", c.Name, what, j, tokens, a.IDs)
				}
				prompt, err := e.Prompt(ms[:len(ms)-1])
				if err != nil || tok.Decode(prompt) != a.Prompt || !slices.Equal(prompt, a.PromptIDs) {
					t.Errorf("%s %s, prompt %d: %v %q, transformers %v %q", c.Name, what, j, prompt, tok.Decode(prompt), a.PromptIDs, a.Prompt)
				}
			}
		}
		if template.roles[System] == nil != strings.Contains(g.Refused, "no text for the role") {
			t.Errorf("%s: to a role without a text it says %q", c.Name, g.Refused)
		}
	}
}

// beginning is t that begins with text.
func beginning(t *Template, text string) *Template {
	t.beginWith(text)
	return t
}

// eosOf is what {eos} writes.
func eosOf(tok *token.Tokenizer, end string) string {
	if id, ok := tok.EOS(); ok && end == "" {
		return tok.Token(id)
	}
	return end
}

// Where an answer ends: the first special token after what is written in it, or the
// text that is no such token.
func TestChatEnds(t *testing.T) {
	for _, c := range []struct {
		template, end, kind string
		want                int32
		stop                string
	}{
		{"chatml", "", token.BPE, 2, "<|im_end|>"},
		{"plain", "", token.BPE, 0, "<|endoftext|>"},
		{"plain", "<|im_end|>", token.BPE, 2, "<|im_end|>"},
		{"plain", "\n", token.BPE, -1, "\n"}, // a token, but joined with what is before it
		{"plain", "\n", token.Bytes, 10, "\n"},
		{"plain", "\n\n", token.Bytes, -1, "\n\n"},
		{"plain", "", token.Bytes, -1, ""},
		{"chatml", "", token.Bytes, -1, "<|im_end|>"},
	} {
		source, _ := TemplateSource(c.template)
		got := builtin(c.template).Chat(chatTokenizerOf(t, chatCase{Source: source, Tokenizer: c.kind}), "", c.end)
		if got.End != c.want || got.Stop != c.stop {
			t.Errorf("%s, end %q, %s: token %d, %q; wanted %d, %q", c.template, c.end, c.kind, got.End, got.Stop, c.want, c.stop)
		}
	}
	// A template that somebody changed is not known as ours any more.
	tok := chatTokenizerOf(t, chatCase{Source: "user \"{content}\"\nassistant \"{learn}{content}{/learn}\"\n", Tokenizer: token.BPE})
	if _, ok := ownTemplate(tok.ChatTemplate(), tok); !ok {
		t.Error("ours is not known")
	}
	if _, ok := ownTemplate(strings.Replace(tok.ChatTemplate(), "message['content']", "message['content'] | trim", 1), tok); ok {
		t.Error("a changed one is taken for ours")
	}
}

// Source is read as the template that it is of.
func TestTemplateSource(t *testing.T) {
	for _, c := range chatCases(t) {
		template := c.template(t)
		again, err := ParseTemplate(template.Source())
		if err != nil || again.Source() != template.Source() {
			t.Errorf("%s: %v\n%s", c.Name, err, template.Source())
		}
	}
}

// bosOf is what {bos} writes.
func bosOf(tok *token.Tokenizer) string {
	if id, ok := tok.BOS(); ok {
		return tok.Token(id)
	}
	return ""
}
