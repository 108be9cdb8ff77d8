package corpus

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/token"
)

// marked writes out a document: what is learnt in brackets, and its end as ■.
func marked(tok *token.Tokenizer, x *Examples, i int) string {
	var b strings.Builder
	tokens, learn := x.Document(i)
	eos, has := tok.EOS()
	for j := range tokens {
		if learn[j] && (j == 0 || !learn[j-1]) {
			b.WriteByte('[')
		}
		if has && tokens[j] == eos {
			b.WriteString("■")
		} else {
			b.WriteString(tok.Token(tokens[j]))
		}
		if learn[j] && (j == len(tokens)-1 || !learn[j+1]) {
			b.WriteByte(']')
		}
	}
	return b.String()
}

func encoded(t *testing.T, tok *token.Tokenizer, o EncodeOptions, r Record) *Examples {
	t.Helper()
	e, err := NewEncoder(tok, o)
	if err != nil {
		t.Fatal(err)
	}
	x := &Examples{}
	if err := e.Add(x, r); err != nil {
		t.Fatal(err)
	}
	return x
}

// TestMasks says of every kind and every built-in template what is learnt. The first
// token of a text has nothing before it.
func TestMasks(t *testing.T) {
	text := Record{Kind: KindText, Text: "Once."}
	pair := Record{Kind: KindPrompt, Prompt: "2+2=", Completion: "4"}
	chat := Record{Kind: KindMessages, Messages: []Message{{System, "Be kind."}, {User, "Hi"}, {Assistant, "Hello!"}, {User, "Bye"}, {Assistant, "So long."}}}
	given := Record{Kind: KindPrompt, Messages: chat.Messages, Given: 4}
	last := Record{Kind: KindMessages, Messages: chat.Messages[:4]}
	for _, c := range []struct {
		name, template string
		all            bool
		r              Record
		want           string
	}{
		{"text", "", false, text, "O[nce.■]"},
		{"text, a template", "plain", false, text, "O[nce.■]"},
		{"pair", "", false, pair, "2+2=[4■]"},
		{"pair, all", "", true, pair, "2[+2=4■]"},
		{"pair, plain", "plain", false, pair, "User: 2+2=\nAssistant:[ 4■]\n"},
		{"chat, plain", "plain", false, chat, "Be kind.\n\nUser: Hi\nAssistant:[ Hello!■]\nUser: Bye\nAssistant:[ So long.■]\n"},
		{"chat, chatml", "chatml", false, chat, "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n[Hello!<|im_end|>]\n<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n[So long.<|im_end|>]\n"},
		{"chat, instruction", "instruction", false, chat, "Be kind.\n\n### Instruction:\nHi\n\n### Response:\n[Hello!■]\n\n### Instruction:\nBye\n\n### Response:\n[So long.■]\n\n"},
		{"given", "plain", false, given, "Be kind.\n\nUser: Hi\nAssistant: Hello!■\nUser: Bye\nAssistant:[ So long.■]\n"},
		{"given, all", "plain", true, given, "B[e kind.\n\nUser: Hi\nAssistant: Hello!■\nUser: Bye\nAssistant: So long.■\n]"},
		{"chat, all", "plain", true, chat, "B[e kind.\n\nUser: Hi\nAssistant: Hello!■\nUser: Bye\nAssistant: So long.■\n]"},
		{"last is a user", "plain", false, last, "Be kind.\n\nUser: Hi\nAssistant:[ Hello!■]\nUser: Bye\n"},
	} {
		o := EncodeOptions{All: c.all}
		if c.template != "" {
			o.Template = builtin(c.template)
		}
		want := c.want
		if rest, ok := strings.CutPrefix(want, "O[nce"); ok { // GPT-2 has Once as one token
			want = "Once[" + rest
		}
		if rest, ok := strings.CutPrefix(want, "B[e"); ok {
			want = "Be[" + rest
		}
		if got := marked(token.GPT2(), encoded(t, token.GPT2(), o, c.r), 0); got != want {
			t.Errorf("%s, GPT-2:\n%q\n%q", c.name, got, want)
		}
		if want = c.want; want[0] == '2' && c.all {
			want = "2[+2=4■]"
		}
		if got := marked(token.NewBytes(), encoded(t, token.NewBytes(), o, c.r), 0); got != strings.ReplaceAll(want, "■", "") {
			t.Errorf("%s, bytes:\n%q\n%q", c.name, got, want)
		}
	}
}

// TestBoundaries: tokens end where what is learnt begins and ends, and nowhere else
// between the pieces of a template.
func TestBoundaries(t *testing.T) {
	tok := token.GPT2()
	texts := func(x *Examples) (out []string) {
		tokens, _ := x.Document(0)
		for _, id := range tokens {
			out = append(out, tok.Token(id))
		}
		return out
	}
	plain := EncodeOptions{Template: builtin("plain")}
	got := texts(encoded(t, tok, plain, Record{Kind: KindPrompt, Prompt: "Hello there", Completion: "Fine thanks"}))
	if want := []string{"User", ":", " Hello", " there", "\n", "Assistant", ":", " Fine", " thanks", "<|endoftext|>", "\n"}; !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
	// "under" and "stand" are one token together, two where completion begins.
	got = texts(encoded(t, tok, EncodeOptions{}, Record{Kind: KindPrompt, Prompt: "I under", Completion: "stand it"}))
	if want := []string{"I", " under", "stand", " it", "<|endoftext|>"}; !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
	// In a text, and where all is learnt, there is no boundary.
	for _, x := range []*Examples{
		encoded(t, tok, EncodeOptions{}, Record{Kind: KindText, Text: "I understand it"}),
		encoded(t, tok, EncodeOptions{All: true}, Record{Kind: KindPrompt, Prompt: "I under", Completion: "stand it"}),
	} {
		if got, want := texts(x), []string{"I", " understand", " it", "<|endoftext|>"}; !slices.Equal(got, want) {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

// TestSpecialTokens: a template may name them, what people write does not.
func TestSpecialTokens(t *testing.T) {
	tok := token.GPT2()
	eos, _ := tok.EOS()
	template, err := ParseTemplate("begin \"<|endoftext|>\"\nuser \"Q<|endoftext|>{content}{{}}\"\nassistant \"A{learn}{content}<|endoftext|>{/learn}\"\nend \"<|endoftext|>.\"")
	if err != nil {
		t.Fatal(err)
	}
	x := encoded(t, tok, EncodeOptions{Template: template}, Record{Kind: KindMessages, Messages: []Message{{User, "<|endoftext|>"}, {Assistant, "<|endoftext|>"}}})
	if got, want := marked(tok, x, 0), "■Q■<|endoftext|>{}A[<|endoftext|>■]■."; got != want {
		t.Errorf("%q, not %q", got, want)
	}
	for _, r := range []Record{{Kind: KindText, Text: "a<|endoftext|>b"}, {Kind: KindPrompt, Prompt: "a<|endoftext|>", Completion: "<|endoftext|>b"}} {
		tokens, _ := encoded(t, tok, EncodeOptions{}, r).Document(0)
		if i := slices.Index(tokens, eos); i != len(tokens)-1 {
			t.Errorf("%v: a special token at %d of %d", r, i, len(tokens))
		}
	}
}

// TestLongestMark: of special tokens that begin at one place a template means the longest.
func TestLongestMark(t *testing.T) {
	for _, marks := range [][]string{{"<a>", "<a>b"}, {"<a>b", "<a>"}} {
		tok, err := token.TrainBPE(slices.Values([]string{"to be or not to be"}), token.TrainOptions{Vocab: 260, Specials: marks})
		if err != nil {
			t.Fatal(err)
		}
		template, err := ParseTemplate("user \"{content}\"\nassistant \"<a>b<a>{learn}{content}{/learn}\"")
		if err != nil {
			t.Fatal(err)
		}
		tokens, _ := encoded(t, tok, EncodeOptions{Template: template}, Record{Kind: KindMessages, Messages: []Message{{Assistant, "x"}}}).Document(0)
		long, _ := tok.Special("<a>b")
		short, _ := tok.Special("<a>")
		if len(tokens) != 3 || tokens[0] != long || tokens[1] != short {
			t.Errorf("%q: %v", marks, tokens)
		}
	}
}

// TestPrompt: what a sampler starts from is, token for token, the beginning of what
// was trained.
func TestPrompt(t *testing.T) {
	tok := token.GPT2()
	ms := []Message{{System, "Be kind."}, {User, "Hi there"}, {Assistant, "Hello!"}, {User, "Bye"}, {Assistant, "So long."}}
	system := ms
	for _, name := range Templates() {
		o := EncodeOptions{Template: builtin(name)}
		if ms = system; o.Template.roles[System] == nil && o.Template.roles[first] == nil {
			ms = ms[1:]
		}
		whole, learn := encoded(t, tok, o, Record{Kind: KindMessages, Messages: ms}).Document(0)
		e, err := NewEncoder(tok, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{len(ms) - 3, len(ms) - 1} {
			got, err := e.Prompt(ms[:n])
			if err != nil || len(got) >= len(whole) || !slices.Equal(got, whole[:len(got)]) || !learn[len(got)] || learn[len(got)-1] {
				t.Errorf("%s: %q, %v", name, tok.Decode(got), err)
			}
		}
	}
	e, err := NewEncoder(tok, EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.Prompt(system[1:2])
	if tok.Decode(got) != "Hi there" || err != nil {
		t.Errorf("%q, %v", tok.Decode(got), err)
	}
	if got, err := e.Prompt(nil); len(got) > 0 || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

// TestEncodeRefuses: what a tokenizer or a template cannot write.
func TestEncodeRefuses(t *testing.T) {
	few, err := token.NewChars("Userasitn: \n")
	if err != nil {
		t.Fatal(err)
	}
	noSystem, err := ParseTemplate("user \"{content}\"\nassistant \"{learn}{content}{/learn}\"")
	if err != nil {
		t.Fatal(err)
	}
	noSystem.Name = "mine"
	chat := []Message{{System, "a"}, {User, "a"}, {Assistant, "a"}}
	for _, c := range []struct {
		tok  *token.Tokenizer
		o    EncodeOptions
		r    Record
		says string
	}{
		{few, EncodeOptions{End: "#"}, Record{}, `the end of a document "#"`},
		{few, EncodeOptions{}, Record{Kind: KindText, Text: "axe"}, "'x'"},
		{few, EncodeOptions{}, Record{Kind: KindPrompt, Prompt: "x", Completion: "a"}, "'x'"},
		{few, EncodeOptions{}, Record{Kind: KindPrompt, Prompt: "a", Completion: "x"}, "'x'"},
		{few, EncodeOptions{Template: builtin("plain")}, Record{Kind: KindPrompt, Prompt: "a", Completion: "a"}, "'A'"},
		{few, EncodeOptions{Template: builtin("chatml")}, Record{Kind: KindMessages, Messages: chat}, "'<'"},
		{few, EncodeOptions{}, Record{Kind: KindMessages, Messages: chat}, "a conversation needs a template: choose one of plain, chatml, instruction, qwen2, "},
		{few, EncodeOptions{Template: noSystem}, Record{Kind: KindMessages, Messages: chat}, "message 0 has the role system, and template mine has no text for it"},
	} {
		e, err := NewEncoder(c.tok, c.o)
		x := &Examples{}
		if err == nil {
			err = e.Add(x, c.r)
		}
		if err == nil || !strings.Contains(err.Error(), c.says) || x.Len() != 0 {
			t.Errorf("%+v: %v, want %q", c.r, err, c.says)
		}
	}
	e, err := NewEncoder(few, EncodeOptions{Template: noSystem})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Prompt(chat); err == nil {
		t.Error("a prompt with a role that the template has not")
	}
	// What was refused half-way is not in front of what comes next.
	x := &Examples{}
	if err := e.Add(x, Record{Kind: KindMessages, Messages: []Message{{User, "t"}, {System, "a"}}}); err == nil {
		t.Error("a conversation with a role that the template has not")
	}
	if err := e.Add(x, Record{Kind: KindText, Text: "as"}); err != nil || marked(few, x, 0) != "a[s]" {
		t.Errorf("after what was refused: %q, %v", marked(few, x, 0), err)
	}
}

// TestEndOfDocument: a text of one's own ends documents where the tokenizer has no
// token for it.
func TestEndOfDocument(t *testing.T) {
	x := encoded(t, token.NewBytes(), EncodeOptions{End: "##", Template: builtin("plain")}, Record{Kind: KindPrompt, Prompt: "a", Completion: "b"})
	if got := marked(token.NewBytes(), x, 0); got != "User: a\nAssistant:[ b##]\n" {
		t.Errorf("%q", got)
	}
	x = encoded(t, token.GPT2(), EncodeOptions{End: "##"}, Record{Kind: KindText, Text: "ab"})
	if got := marked(token.GPT2(), x, 0); got != "ab[##]" {
		t.Errorf("%q", got)
	}
}

func TestLoadExamples(t *testing.T) {
	chat := `{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello!"}],"id":1}` + "\n"
	chars, err := token.NewChars("abc")
	if err != nil {
		t.Fatal(err)
	}
	unended, err := ParseTemplate("user \"{content}>\"\nassistant \"{learn}{content}{/learn}{eos}\"")
	if err != nil {
		t.Fatal(err)
	}
	unended.Name = "mine"
	for _, c := range []struct {
		name, text string
		tok        *token.Tokenizer
		o          ExampleOptions
		want       string // of document 0
		report     Report
		warns      string
	}{
		{"a.jsonl", chat, token.GPT2(), ExampleOptions{}, "User: Hi\nAssistant:[ Hello!■]\n", Report{Kind: KindMessages, Documents: 1, Tokens: 10, Targets: 3, Longest: 10, LongestAt: Place{"a.jsonl", 1}, Ends: 1, Template: "plain"}, "fields that are not used: id"},
		{"a.jsonl", chat, token.GPT2(), ExampleOptions{EncodeOptions: EncodeOptions{Template: builtin("chatml")}}, "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n[Hello!<|im_end|>]\n", Report{Kind: KindMessages, Documents: 1, Tokens: 38, Targets: 9, Longest: 38, LongestAt: Place{"a.jsonl", 1}, Template: "chatml"},
			`the end of a text, "<|endoftext|>", is never learnt: the network will not stop by it; stop it at "<|im_end|>"; template chatml: <|im_end|>, <|im_start|> are not tokens of this tokenizer, and are written as text; fields that are not used: id`},
		{"a.txt", "ab\n<|endoftext|>\nabc\n", token.GPT2(), ExampleOptions{}, "ab[\n■]", Report{Kind: KindText, Documents: 2, Tokens: 6, Targets: 4, Longest: 3, LongestAt: Place{"a.txt", 1}, Ends: 2}, ""},
		{"a.txt", "ab\n<|endoftext|>\nabc\n", token.GPT2(), ExampleOptions{EncodeOptions: EncodeOptions{Legacy: true}}, "ab[\n■]", Report{Kind: KindText, Documents: 2, Tokens: 7, Targets: 5, Longest: 4, LongestAt: Place{"a.txt", 3}, Ends: 2}, ""},
		{"a.txt", "ab.cab", chars, ExampleOptions{Separator: "."}, "a[b]", Report{Kind: KindText, Documents: 2, Tokens: 5, Targets: 3, Longest: 3, LongestAt: Place{"a.txt", 1}}, "the tokenizer has no end-of-text token: nothing teaches the network to stop; choose a text that ends a document (end)"},
		{"a.jsonl", `{"prompt":"a","completion":" b"}` + "\n" + `{"prompt":"a","completion":"b"}`, token.GPT2(), ExampleOptions{}, "a[ b■]", Report{Kind: KindPrompt, Documents: 2, Tokens: 6, Targets: 4, Longest: 3, LongestAt: Place{"a.jsonl", 1}, Ends: 2}, ""},
		{"a.jsonl", chat, token.GPT2(), ExampleOptions{EncodeOptions: EncodeOptions{Template: unended}}, "Hi>[Hello!]■", Report{Kind: KindMessages, Documents: 1, Tokens: 5, Targets: 2, Longest: 5, LongestAt: Place{"a.jsonl", 1}, Template: "mine"}, `the end of a text, "<|endoftext|>", is never learnt: the network will not stop by it; fields that are not used: id`},
		{"a.jsonl", `{"prompt":"a","completion":"b"}`, token.GPT2(), ExampleOptions{}, "a[b■]", Report{Kind: KindPrompt, Documents: 1, Tokens: 3, Targets: 2, Longest: 3, LongestAt: Place{"a.jsonl", 1}, Ends: 1}, "in 1 of 1 examples the prompt and the completion have no space or line end between them: the words run together"},
	} {
		path := filepath.Join(tree(t, [2]string{c.name, c.text}), c.name)
		x, r, err := LoadExamples(path, c.tok, c.o)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := marked(c.tok, x, 0); got != c.want {
			t.Errorf("%q, not %q", got, c.want)
		}
		if got := strings.Join(r.Warnings, "; "); got != c.warns {
			t.Errorf("warnings: %s", got)
		}
		c.report.LongestAt.File = path
		r.Warnings, r.Ignored, r.Sources, r.Written = nil, nil, nil, ""
		if fmt.Sprintf("%+v", *r) != fmt.Sprintf("%+v", c.report) {
			t.Errorf("%+v, not %+v", *r, c.report)
		}
		var all strings.Builder
		tokens, learn := x.Document(0)
		for i, s := range Spans(c.tok, tokens, learn) {
			if s.Learn != (i%2 == 1) { // what is learnt and what is not take turns
				t.Errorf("span %d of %s", i, c.want)
			}
			all.WriteString(s.Text)
		}
		if all.String() != c.tok.Decode(tokens) {
			t.Errorf("spans are %q", all.String())
		}
	}
	path := filepath.Join(tree(t, [2]string{"a.txt", "abx"}), "a.txt")
	for _, o := range []ExampleOptions{{}, {EncodeOptions: EncodeOptions{End: "x"}}} {
		if _, _, err := LoadExamples(path, chars, o); err == nil || !strings.Contains(err.Error(), "a.txt: ") || !strings.Contains(err.Error(), "'x'") {
			t.Errorf("a character that is not known: %v", err)
		}
	}
	if err := os.WriteFile(path, []byte(`{"text":"a"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if x, _, err := LoadExamples(path, chars, ExampleOptions{}); err != nil || marked(chars, x, 0) != "a" {
		t.Errorf("a single character: %v", err)
	}
}
