package corpus

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/token"
)

// begun is a tokenizer that begins a text with <s> and ends it with </s>; its other
// tokens are the bytes and "ab".
func begun(t *testing.T) *token.Tokenizer {
	t.Helper()
	tok, err := token.TrainBPE(slices.Values([]string{"ab ab"}), token.TrainOptions{Vocab: 260, Specials: []string{"<s>", "</s>"}, EOS: "</s>"})
	if err != nil {
		t.Fatal(err)
	}
	id, _ := tok.Special("<s>")
	return tok.WithBOS(id)
}

// TestLoadText: the tokens of a text are written out, E for GPT-2's <|endoftext|>.
// By its vocabulary a is 64, b 65, c 66 and "\n" 198.
func TestLoadText(t *testing.T) {
	const E, a, b, c, n, r = 50256, 64, 65, 66, 198, 201
	gpt2 := token.GPT2()
	for _, x := range []struct {
		files     [][2]string
		want      []int32
		documents int
	}{
		{[][2]string{{"x", "a\n"}}, []int32{E, a, n}, 1},
		{[][2]string{{"x", "a\n<|endoftext|>\nb<|endoftext|>c"}}, []int32{E, a, n, E, b, E, c}, 3},
		{[][2]string{{"x", "a<|endoftext|>\nb\n<|endoftext|>\n"}}, []int32{E, a, E, b, n, E}, 2},
		{[][2]string{{"x", "<|endoftext|>a<|endoftext|>\n\n<|endoftext|>b"}}, []int32{E, a, E, b}, 2},
		{[][2]string{{"x", "a\r\n<|endoftext|>\r\n\r\nb\r\n"}}, []int32{E, a, r, n, E, b, r, n}, 2},
		{[][2]string{{"x", "a"}, {"y", "b<|endoftext|>\n"}, {"z", "c"}}, []int32{E, a, E, b, E, c}, 3},
	} {
		dir := tree(t, x.files...)
		text, err := LoadText(gpt2, []int32{E}, 0, dir)
		if err != nil {
			t.Fatal(err)
		}
		got, err := text.Encode(nil)
		if err != nil || !slices.Equal(got, x.want) || text.Documents() != x.documents || len(text.Warnings()) > 0 {
			t.Errorf("%q: %v in %d documents, %v, %q; want %v in %d", x.files, got, text.Documents(), err, text.Warnings(), x.want, x.documents)
		}
	}
	// Several paths are one text; what stands before no longer counts.
	dir := tree(t, [2]string{"x", "a"}, [2]string{"y", "b"})
	text, err := LoadText(gpt2, nil, 0, filepath.Join(dir, "y"), filepath.Join(dir, "x"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := text.Encode([]int32{7}); err != nil || !slices.Equal(got, []int32{7, b, E, a}) {
		t.Errorf("without a beginning: %v, %v", got, err)
	}
	// A beginning of its own stands behind the end of the document before, and is not
	// doubled where the text writes it.
	tok := begun(t)
	at := func(s string) int32 { id, _ := tok.Special(s); return id }
	ab, err := tok.Encode("abx")
	if err != nil || len(ab) != 2 {
		t.Fatal(ab, err)
	}
	x := ab[1]
	path := filepath.Join(tree(t, [2]string{"x", "<s>x</s>\nx</s>\n<s>x"}), "x")
	if text, err = LoadText(tok, []int32{at("<s>")}, 0, path); err != nil {
		t.Fatal(err)
	}
	if got, err := text.Encode(nil); err != nil || !slices.Equal(got, []int32{at("<s>"), x, at("</s>"), at("<s>"), x, at("</s>"), at("<s>"), x}) {
		t.Errorf("<s> and </s>: %v, %v", got, err)
	}
	for _, bad := range []string{" \n", "<|endoftext|>\n<|endoftext|>"} {
		if _, err := LoadText(gpt2, nil, 0, filepath.Join(tree(t, [2]string{"x", bad}), "x")); err == nil || !strings.Contains(err.Error(), "white space only") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestMarksThatAreText: GPT-2's mark for a tokenizer that has none, or another, is told
// with how often it is there.
func TestMarksThatAreText(t *testing.T) {
	path := filepath.Join(tree(t, [2]string{"x", "a\n<|endoftext|>\nb\n<|endoftext|>\n"}), "x")
	for name, c := range map[string]struct {
		tok  *token.Tokenizer
		says string
	}{
		"none":    {token.NewBytes(), "<|endoftext|> is there 2 times and is read as ordinary text: the tokenizer has no token that ends a text"},
		"another": {begun(t), "<|endoftext|> is there 2 times and is read as ordinary text: the tokenizer ends a text with </s>"},
	} {
		text, err := LoadText(c.tok, nil, 0, path)
		if err != nil {
			t.Fatal(err)
		}
		if got := text.Warnings(); len(got) != 1 || got[0] != c.says {
			t.Errorf("%s: %q", name, got)
		}
		ids, err := text.Encode(nil)
		if err != nil || c.tok.Decode(ids) != "a\n<|endoftext|>\nb\n<|endoftext|>\n" {
			t.Errorf("%s: %q, %v", name, c.tok.Decode(ids), err)
		}
	}
	for name, c := range map[string]struct {
		file [2]string
		tok  *token.Tokenizer
		o    ExampleOptions
		says string
	}{
		"JSON":        {[2]string{"x.jsonl", `{"text":"a<|endoftext|>"}`}, token.GPT2(), ExampleOptions{}, "<|endoftext|> is written 1 times in the examples, and is read as ordinary text there: leave it out, since the end of a document is added"},
		"another":     {[2]string{"x.txt", "a<|endoftext|>b</s>c"}, begun(t), ExampleOptions{}, "<|endoftext|> is there 1 times and is read as ordinary text: the tokenizer ends a text with </s>"},
		"separator":   {[2]string{"x.txt", "a\nb"}, token.GPT2(), ExampleOptions{Separator: "\n\n"}, `the separator "\n\n" is nowhere in the text, which is one document`},
		"no mark":     {[2]string{"x.txt", "a\nb"}, token.GPT2(), ExampleOptions{}, `the separator "<|endoftext|>" is nowhere in the text, which is one document`},
		"both divide": {[2]string{"x.txt", "a.b<|endoftext|>\nc"}, token.GPT2(), ExampleOptions{Separator: "."}, ""},
	} {
		x, r, err := LoadExamples(filepath.Join(tree(t, c.file), c.file[0]), c.tok, c.o)
		if err != nil || strings.Join(r.Warnings, "; ") != c.says {
			t.Errorf("%s: %q, %v", name, r.Warnings, err)
		}
		if name == "both divide" && x.Len() != 3 {
			t.Errorf("%d documents", x.Len())
		}
	}
	// Files that are a document each need no separator, unless one was asked for.
	dir := tree(t, [2]string{"x", "a b"}, [2]string{"y", "b c"})
	if _, r, err := LoadExamples(dir, token.GPT2(), ExampleOptions{}); err != nil || len(r.Warnings) > 0 {
		t.Errorf("two files: %q, %v", r.Warnings, err)
	}
	if _, r, err := LoadExamples(dir, token.GPT2(), ExampleOptions{Separator: "#"}); err != nil || len(r.Warnings) != 1 || r.Warnings[0] != `the separator "#" is nowhere in the texts, of which each is one document` {
		t.Errorf("two files, a separator: %q, %v", r.Warnings, err)
	}
}

// TestTextSplit: documents stay whole where that is near enough, and what begins and
// ends is known on both sides.
func TestTextSplit(t *testing.T) {
	const E = 50256
	tok := token.GPT2()
	words := func(ids []int32) string { return strings.ReplaceAll(tok.Decode(ids), "<|endoftext|>", "|") }
	for _, c := range []struct {
		text       string
		fraction   float64
		train, val string
	}{
		{"aaaa<|endoftext|>bbbb<|endoftext|>cc<|endoftext|>", 0.2, "|aaaa|bbbb|", "|cc|"},
		{"aaaa<|endoftext|>bbbb<|endoftext|>cc", 0.29, "|aaaa|bbb", "b|cc"},  // 6 of 10 are more than twice 2.9
		{"aaaa<|endoftext|>bbbb<|endoftext|>cc", 0.35, "|aaaa|", "|bbbb|cc"}, // and not twice 3.5
		{"a<|endoftext|>bbbbbbbbb", 0.3, "|a|bbbbbb", "bbb"},
		{"aaaaaaaaaa", 0.3, "|aaaaaaa", "aaa"},
	} {
		text, err := LoadText(tok, []int32{E}, 0, filepath.Join(tree(t, [2]string{"x", c.text}), "x"))
		if err != nil {
			t.Fatal(err)
		}
		train, val, err := text.Split(c.fraction, AlignNone)
		if err != nil {
			t.Fatal(c.text, err)
		}
		a, _ := train.Encode(nil)
		b, _ := val.Encode(nil)
		if words(a) != c.train || words(b) != c.val {
			t.Errorf("%q by %g: %q and %q, want %q and %q", c.text, c.fraction, words(a), words(b), c.train, c.val)
		}
	}
	text, err := LoadText(tok, nil, 0, filepath.Join(tree(t, [2]string{"x", "a<|endoftext|>b"}), "x"))
	if err != nil {
		t.Fatal(err)
	}
	if train, val, err := text.Split(1e-18, AlignLine); err != nil || train.Documents() != 1 || val.Documents() != 1 {
		t.Errorf("next to nothing for validation: %v", err)
	}
	for _, fraction := range []float64{0, 1, nan} {
		if _, _, err := text.Split(fraction, AlignNone); err == nil {
			t.Errorf("a fraction of %g", fraction)
		}
	}
}

// TestDocumentsBegin: every document and conversation begins after its token, which is
// not learnt, while what follows it is; in rows it is the first input of each.
func TestDocumentsBegin(t *testing.T) {
	const E = 50256
	tok := token.GPT2()
	path := filepath.Join(tree(t, [2]string{"x.jsonl", `{"text":"a b"}` + "\n" + `{"text":"c"}` + "\n" + `{"text":"a b c"}`}), "x.jsonl")
	x, r, err := LoadExamples(path, tok, ExampleOptions{EncodeOptions: EncodeOptions{Begin: []int32{E}}})
	if err != nil || r.Begin != "<|endoftext|>" || r.Tokens != 12 || r.Targets != 9 {
		t.Fatalf("%+v, %v", r, err)
	}
	// " b" is 275 and " c" 269. Longest first: the row of 7 has two documents.
	p := Pack(x, 7, PackOptions{})
	tokens, targets := make([]int32, 14), make([]int32, 14)
	starts := p.Sweep(0, 2, tokens, targets, nil)
	wantTokens := []int32{E, 64, 275, E, 64, 275, 269, E, 66, 0, 0, 0, 0, 0}
	wantTargets := []int32{64, 275, E, 64, 275, 269, E, 66, E, -1, -1, -1, -1, -1}
	if !slices.Equal(tokens, wantTokens) || !slices.Equal(targets, wantTargets) || !slices.Equal(starts, []int32{0, 3, 7, 9}) {
		t.Errorf("rows %v with targets %v from %v", tokens, targets, starts)
	}

	ms := []Message{{User, "Hi"}, {Assistant, "Yo"}}
	for _, c := range []struct {
		name string
		tok  *token.Tokenizer
		o    EncodeOptions
		r    Record
		want string
	}{
		{"prompt", tok, EncodeOptions{}, Record{Kind: KindPrompt, Prompt: "a", Completion: " b"}, "■a[ b■]"},
		{"all", tok, EncodeOptions{All: true}, Record{Kind: KindPrompt, Prompt: "a", Completion: " b"}, "■[a b■]"},
		{"plain", tok, EncodeOptions{Template: builtin("plain")}, Record{Kind: KindMessages, Messages: ms}, "■User: Hi\nAssistant:[ Yo■]\n"},
	} {
		c.o.Begin = []int32{E}
		if got := encodedBy(t, c.tok, c.o, c.r); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	// A template that writes the beginning itself has it once.
	own := begun(t)
	id, _ := own.Special("<s>")
	for source, want := range map[string][]int32{`begin "<s>"` + "\n" + `user "{content}"` + "\n" + `assistant "{learn}{content}{/learn}"`: {id}, `user "<s>{content}"` + "\n" + `assistant "{learn}{content}{/learn}"`: {id}, `user "{content}<s>"` + "\n" + `assistant "{learn}{content}{/learn}"`: {id}} {
		template, err := ParseTemplate(source)
		if err != nil {
			t.Fatal(err)
		}
		e, err := NewEncoder(own, EncodeOptions{Begin: []int32{id}, Template: template})
		if err != nil {
			t.Fatal(err)
		}
		tokens, err := e.Prompt(ms[:1])
		if n := len(slices.DeleteFunc(slices.Clone(tokens), func(t int32) bool { return t != id })); err != nil || tokens[0] != want[0] || n != 1+strings.Count(source, "}<s>") {
			t.Errorf("%s: %v, %v", source, tokens, err)
		}
	}
	// A prompt is the beginning of what was trained, without a template, too.
	e, err := NewEncoder(tok, EncodeOptions{Begin: []int32{E}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := e.Prompt([]Message{{User, "a"}}); err != nil || !slices.Equal(got, []int32{E, 64}) {
		t.Errorf("%v, %v", got, err)
	}
}

func encodedBy(t *testing.T, tok *token.Tokenizer, o EncodeOptions, r Record) string {
	t.Helper()
	e, err := NewEncoder(tok, o)
	if err != nil {
		t.Fatal(err)
	}
	x := &Examples{}
	if err := e.Add(x, r); err != nil {
		t.Fatal(err)
	}
	return marked(tok, x, 0)
}

// TestBegin: which token stands before a document.
func TestBegin(t *testing.T) {
	own := begun(t)
	id, _ := own.Special("<s>")
	end, _ := own.EOS()
	for _, c := range []struct {
		tok  *token.Tokenizer
		name string
		want []int32
	}{
		{token.GPT2(), "", []int32{50256}}, {token.GPT2(), "none", nil}, {token.NewBytes(), "", nil},
		{own, "", []int32{id}}, {own, "</s>", []int32{end}}, {own.WithBOS(-1), "", []int32{end}},
	} {
		if got, err := Begin(c.tok, c.name); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: %v, %v, want %v", c.name, got, err, c.want)
		}
	}
	if _, err := Begin(token.GPT2(), "<s>"); err == nil || !strings.Contains(err.Error(), `"<s>", which is no special token of the tokenizer`) {
		t.Errorf("%v", err)
	}
}

// TestOneRuleForLineEnds: the same characters have the same tokens in a text file, in
// JSON and as a prompt, whatever ends their lines.
func TestOneRuleForLineEnds(t *testing.T) {
	tok := token.GPT2()
	for _, s := range []string{"a\r\nb\r\n\r\nc\r", "a\nb", "a\rb\n\r"} {
		want, err := tok.Encode(s)
		if err != nil {
			t.Fatal(err)
		}
		quoted := strings.NewReplacer("\r", `\r`, "\n", `\n`).Replace(s)
		dir := tree(t, [2]string{"x.txt", s}, [2]string{"x.jsonl", `{"text":"` + quoted + `"}`})
		for _, name := range []string{"x.txt", "x.jsonl"} {
			x, _, err := LoadExamples(filepath.Join(dir, name), tok, ExampleOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := x.Document(0); !slices.Equal(got[:len(got)-1], want) {
				t.Errorf("%s of %q: %v, want %v", name, s, got, want)
			}
		}
		text, err := LoadText(tok, nil, 0, filepath.Join(dir, "x.txt"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := text.Encode(nil); err != nil || !slices.Equal(got, want) {
			t.Errorf("windows of %q: %v, want %v", s, got, want)
		}
		e, err := NewEncoder(tok, EncodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := e.Prompt([]Message{{User, s}}); err != nil || !slices.Equal(got, want) {
			t.Errorf("a prompt of %q: %v, want %v", s, got, want)
		}
	}
}

// TestIgnoredTarget: a token that begins documents and does not end them is read and
// never predicted.
func TestIgnoredTarget(t *testing.T) {
	tokens := []int32{0, 5, 6, 1, 0, 7, 1}
	w := NewWindowsAt(tokens, []int{2}, 1)
	w.Ignore(0)
	in, out := make([]int32, 4), make([]int32, 4)
	w.Batch(0, 0, 1, 4, in, out)
	if !slices.Equal(in, []int32{6, 1, 0, 7}) || !slices.Equal(out, []int32{1, Ignored, 7, 1}) {
		t.Errorf("window %v, targets %v", in, out)
	}
	s := NewSweep(tokens, 3)
	s.Ignore(0)
	in, out = make([]int32, 6), make([]int32, 6)
	s.Batch(0, 2, in, out)
	if !slices.Equal(in, []int32{0, 5, 6, 1, 0, 7}) || !slices.Equal(out, []int32{5, 6, 1, Ignored, 7, 1}) {
		t.Errorf("sweep %v, targets %v", in, out)
	}
}

// TestLineEndsAsTheReference: what is learnt from a file whose lines end with "\r\n" is
// what Hugging Face's trainer learns from it (testdata/line-ends).
func TestLineEndsAsTheReference(t *testing.T) {
	want, err := os.ReadFile("../testdata/line-ends/merges.txt")
	if err != nil {
		t.Fatal(err)
	}
	text, err := Load(filepath.Join(tree(t, [2]string{"x", strings.Repeat("The cat sat.\r\n\r\nThe hat sat on the cat.\r\n\r\n  The rat sat.\r\n\tThat is that.\r\n", 3)}), "x"))
	if err != nil {
		t.Fatal(err)
	}
	tok, err := token.TrainBPE(slices.Values([]string{text}), token.TrainOptions{Vocab: 286, Specials: []string{"<|endoftext|>"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := "#version: 0.2\n" + strings.Join(tok.Merges(), "\n") + "\n"; got != string(want) {
		t.Errorf("the merges are\n%s\nwant\n%s", got, want)
	}
}
