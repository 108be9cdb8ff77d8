package train

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/generate"
	"github.com/pedestrian-ml/pedestrian/token"
)

// fileOf writes a file and returns its path.
func fileOf(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestFormerReading: what the program read before it knew marks, beginnings and line
// ends, it reads again for runs of that time. The digests are those that it wrote.
func TestFormerReading(t *testing.T) {
	crlf := fileOf(t, "crlf.txt", strings.Repeat("One line\r\nof text.\r\n\r\nAnother.\r\n", 40))
	marks := fileOf(t, "marked.txt", strings.Repeat("Once a cat.\n<|endoftext|>\nTwice a dog.\n<|endoftext|>\n", 40))
	var lines strings.Builder
	for i := range 30 {
		lines.WriteString(strings.ReplaceAll(`{"prompt":"a #?","completion":" b #"}`+"\n", "#", string(rune('0'+i%10))))
	}
	tuned := func(set func(*Tuning)) func(*Options) {
		return func(o *Options) {
			*o = TuningOptions("b")
			o.Context = 32
			set(&o.Tuning)
		}
	}
	for name, c := range map[string]struct {
		data   string
		tok    *token.Tokenizer // of a base
		set    func(*Options)
		digest string
		train  int
	}{
		"chars":     {crlf, nil, func(o *Options) {}, "9325754b1b1630c9c5b803d7089e1d85c923b181ad9687c37496ba1693962b91", 1008},
		"bytes":     {crlf, nil, func(o *Options) { o.Tokenizer = "bytes" }, "ee09e0f0477474ce9d376defbcbb5039cc4d6c477964cbff6b69612fae51c4ec", 1008},
		"gpt2":      {marks, nil, func(o *Options) { o.Tokenizer = GPT2 }, "ca1c6311571784762b6923534213cb23c062a54a8c52ba545bb4ee74247c0396", 972},
		"documents": {marks, token.GPT2(), tuned(func(u *Tuning) {}), "11ea938fe517632f57e84d5a7d31458313691046c82bec6acb9c5b2edf7915d5", 593},
		"windows":   {marks, token.GPT2(), tuned(func(u *Tuning) { u.Format = FormatWindows }), "ca1c6311571784762b6923534213cb23c062a54a8c52ba545bb4ee74247c0396", 972},
		"separator": {crlf, token.NewBytes(), tuned(func(u *Tuning) { u.Separator, u.End = "\n\n", "#" }), "530f4edca8a2b48a71eaaea080dd53321aebe4c39fc55938da9a953fb230ce58", 28},
		"no token":  {marks, token.NewBytes(), tuned(func(u *Tuning) {}), "61b9ca84b2b057401d96b58c6667ba55675193d11b87c173012ea87c3cab0822", 1908},
	} {
		o, _ := PresetOptions("tiny")
		o.Data = c.data
		data, set := o.Data, c.set
		set(&o)
		o.Data = data
		load := func() *Data {
			d, err := LoadData(o)
			if c.tok != nil {
				d, err = LoadTuningData(o, c.tok, c.tok.Vocab())
			}
			if err != nil {
				t.Fatal(name, err)
			}
			return d
		}
		if now := load().Info(); now.SHA256 == c.digest {
			t.Errorf("%s: the rules of now are those of then", name)
		}
		o.Reading = ReadingFormer
		if then := load().Info(); then.SHA256 != c.digest || then.Train != c.train || then.Begin != "" {
			t.Errorf("%s: %+v", name, then)
		}
	}
	o := mini()
	if o.Reading = ReadingDocuments + 1; o.Validate() == nil {
		t.Error("what a later program has written is read")
	}
	// A beginning that a configuration declares was not known, and no part of a digest.
	own := spelt(t)
	o.Reading, o.Data = ReadingFormer, crlf
	if a, b := textDigest(t, o, own), textDigest(t, o, own.WithBOS(-1)); a != b {
		t.Errorf("digests %s and %s", a, b)
	}
}

// textDigest is the digest of what o reads by tok.
func textDigest(t *testing.T, o Options, tok *token.Tokenizer) string {
	t.Helper()
	d, err := loadText(o, tok)
	if err != nil {
		t.Fatal(err)
	}
	return d.digest()
}

// spelt is a tokenizer that begins a text with <s>, its token 0, and ends it with </s>,
// its token 1; a byte b is its token b' in the order of all bytes.
func spelt(t *testing.T) *token.Tokenizer {
	t.Helper()
	tok, err := token.TrainBPE(slices.Values([]string{"ab ab"}), token.TrainOptions{Vocab: 260, Specials: []string{"<s>", "</s>"}, EOS: "</s>"})
	if err != nil {
		t.Fatal(err)
	}
	return tok.WithBOS(0)
}

// TestMarkedWindows: windows of a text with marks, tokens and targets written out. The
// first token of a document is a target behind what begins it, and so is the mark as
// the end of a document, but not what begins one and does not end another.
func TestMarkedWindows(t *testing.T) {
	path := fileOf(t, "x.txt", "a\n<|endoftext|>\nb\n<|endoftext|>\na\n")
	const E, a, b, n = 50256, 64, 65, 198
	o := mini()
	o.Data, o.Val, o.Tokenizer, o.Align, o.Context = path, fileOf(t, "val.txt", "b<|endoftext|>"), GPT2, corpus.AlignNone, 3
	d, err := LoadData(o)
	if err != nil {
		t.Fatal(err)
	}
	if want := []int32{E, a, n, E, b, n, E, a, n}; !slices.Equal(d.Train, want) || !slices.Equal(d.Val, []int32{E, b, E}) || !slices.Equal(d.Begin, []int32{E}) || d.Info().Begin != "<|endoftext|>" {
		t.Errorf("%v and %v, documents begin with %v", d.Train, d.Val, d.Begin)
	}
	if o.Begin = "none"; true {
		d, err := LoadData(o)
		if err != nil || !slices.Equal(d.Train, []int32{a, n, E, b, n, E, a, n}) || d.Begin != nil {
			t.Errorf("begin none: %v, %v, %v", d.Train, d.Begin, err)
		}
	}
	// One document teaches no beginning; to a base it is known.
	o.Begin, o.Data = "", fileOf(t, "one.txt", "a\nb\n")
	if d, err = LoadData(o); err != nil || !slices.Equal(d.Train, []int32{E, a, n, b, n}) || d.Begin != nil {
		t.Errorf("one document: %v, %v, %v", d.Train, d.Begin, err)
	}
	o.Tuning = TuningOptions("b").Tuning
	if d, err = LoadTuningData(o, token.GPT2(), 50257); err != nil || !slices.Equal(d.Begin, []int32{E}) {
		t.Errorf("one document for a base: %v, %v", d.Begin, err)
	}

	// With <s> and </s>.
	o.Tuning, o.Data, o.Val = Tuning{}, fileOf(t, "own.txt", "a</s>\nb</s>\n"), fileOf(t, "ownval.txt", "b</s>a</s>")
	tok := spelt(t)
	d, err = loadText(o, tok)
	if err != nil {
		t.Fatal(err)
	}
	ids, _ := tok.Encode("ab")
	if len(ids) != 1 {
		t.Fatal(ids)
	}
	letter := func(s string) int32 { ids, _ := tok.Encode(s); return ids[0] }
	A, B := letter("a"), letter("b")
	if !slices.Equal(d.Train, []int32{0, A, 1, 0, B, 1}) {
		t.Fatalf("%v", d.Train)
	}
	f := o.feed(d, 1)
	batch := engine.Batch{B: 1, T: 3, Tokens: make([]int32, 3), Targets: make([]int32, 3)}
	seen := map[int32]bool{}
	for position := range uint64(40) {
		f.draw(position, 0, &batch)
		for i, target := range batch.Targets {
			if target == 0 || batch.Tokens[i] == 1 && target != corpus.Ignored {
				t.Errorf("tokens %v, targets %v", batch.Tokens, batch.Targets)
			}
			if batch.Tokens[i] == 0 {
				seen[target] = true
			}
		}
	}
	if !seen[A] || !seen[B] {
		t.Errorf("behind <s> the targets are %v", seen)
	}
	f.eval(0, 0, &batch)
	if !slices.Equal(batch.Tokens, []int32{0, B, 1}) || !slices.Equal(batch.Targets, []int32{B, 1, corpus.Ignored}) {
		t.Errorf("validation: tokens %v, targets %v", batch.Tokens, batch.Targets)
	}
	// Windows that begin at paragraphs begin at documents, too, and at blank lines of
	// either kind.
	for text, want := range map[string][]int{"a\n\nb<|endoftext|>a\r\n\r\nb": {0, 3, 5, 10}} {
		o.Align, o.Tokenizer, o.Data = corpus.AlignParagraph, GPT2, fileOf(t, "p.txt", text)
		x, err := corpus.LoadText(token.GPT2(), []int32{E}, 0, o.Data)
		if err != nil {
			t.Fatal(err)
		}
		tokens, err := x.Encode(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := o.starts(tokens, token.GPT2()); !slices.Equal(got, want) {
			t.Errorf("%q is %v and begins at %v, want %v", text, tokens, got, want)
		}
	}
}

// TestTextsBeginAsDocuments: a network that learnt documents begins as they do without
// a prompt, and is given a prompt behind what stood before it in training.
func TestTextsBeginAsDocuments(t *testing.T) {
	const E = 50256
	tok := token.GPT2()
	o := TuningOptions("base")
	o.Data = fileOf(t, "x.jsonl", strings.Repeat(`{"text":"Once there was"}`+"\n"+`{"text":"Twice there is"}`+"\n", 10))
	o.Config = pedestrian.Config{Vocab: tok.Vocab(), Context: 16, Width: 16, Heads: 2, Blocks: 1, Activation: pedestrian.GELU, Eps: 1e-5, Tied: true}
	o.Tuning.Full, o.LR, o.Steps, o.EvalEvery, o.Batch = true, 2e-2, 60, 60, 4
	o.Val = fileOf(t, "val.jsonl", `{"text":"Once there is"}`)
	p := NewState(o.Config, 3).Params
	r := finetune(t, o, Base{Path: "/models/base", SHA256: Digest(p), Params: p, Tokenizer: tok}, documentData(t, o, tok), "")
	defer r.Close()
	if _, err := r.Train(t.Context(), Observer{}); err != nil {
		t.Fatal(err)
	}
	c := &Checkpoint{Network: r.Network, Options: r.Options, Data: r.Data.Info(), Tokenizer: tok, State: r.State}
	w := c.Writer(r.net)
	if got, err := w.Encode(w.DefaultPrompt()); err != nil || !slices.Equal(got, []int32{E}) {
		t.Errorf("without a prompt it goes on from %v, %v", got, err)
	}
	if got, err := w.Encode("a"); err != nil || !slices.Equal(got, []int32{E, 64}) {
		t.Errorf("a prompt is %v, %v", got, err)
	}
	begun := map[string]int{}
	for seed := range uint64(20) {
		text, err := w.Write(t.Context(), "", generate.Sampling{Temperature: 0.8, MaxTokens: 8, Seed: seed}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"Once", "Tw"} { // which are tokens
			if strings.HasPrefix(text.Text, word) {
				begun[word]++
			}
		}
	}
	if begun["Once"] < 4 || begun["Tw"] < 4 || begun["Once"]+begun["Tw"] < 14 {
		t.Errorf("texts begin %v", begun)
	}
	template, err := corpus.LoadTemplate("plain")
	if err != nil {
		t.Fatal(err)
	}
	ms := []corpus.Message{{Role: corpus.User, Content: "Hi"}}
	if got, err := w.Conversation(template, ms); err != nil || tok.Decode(got) != "<|endoftext|>User: Hi\nAssistant:" {
		t.Errorf("a message is %q, %v", tok.Decode(got), err)
	}
	// A run of before begins as it did.
	c.Data.Begin, c.Options.Reading = "", ReadingFormer
	w = c.Writer(r.net)
	if got, err := w.Encode(w.DefaultPrompt()); err != nil || tok.Decode(got) != "\n\n" {
		t.Errorf("a former run goes on from %q, %v", tok.Decode(got), err)
	}
	if got, err := w.Conversation(template, ms); err != nil || tok.Decode(got) != "User: Hi\nAssistant:" {
		t.Errorf("a former run's message is %q, %v", tok.Decode(got), err)
	}
}

// TestEscapes: what a separator is written as, and what means nothing.
func TestEscapes(t *testing.T) {
	var s string
	w := escaped(&s)
	for text, want := range map[string]string{`\r\n\t\\n`: "\r\n\t\\n", "": "", "a\n": "a\n"} {
		if err := w.set(text); err != nil || s != want || want != "a\n" && w.get() != text {
			t.Errorf("%q is %q, written %q, %v", text, s, w.get(), err)
		}
	}
	for text, want := range map[string]string{`a\q`: `\q means nothing`, `\`: "a backslash at the end", `\é`: `\é means nothing`} {
		if err := w.set(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
