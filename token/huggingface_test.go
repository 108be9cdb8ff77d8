package token

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// small is a vocabulary of two special tokens, the bytes, and the merges "h e" and "he y".
func small(t testing.TB) string {
	tok, err := TrainBPE(slices.Values([]string{"hey", "hey", "hey", "he"}), TrainOptions{Vocab: 260, MinCount: 3, Specials: []string{"<|endoftext|>", "<x>"}})
	if err != nil {
		t.Fatal(err)
	}
	data, err := tok.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestHuggingFaceRefused changes one thing of a file that is accepted, and wants the
// message that says so, on one line.
func TestHuggingFaceRefused(t *testing.T) {
	file := small(t)
	if _, err := parse([]byte(file)); err != nil {
		t.Fatal(err)
	}
	const x = `{"id":1,"content":"<x>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}`
	pre := `"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}`
	post := `"post_processor":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":false,"use_regex":true}`
	dec := `"decoder":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}`
	giant := strings.Repeat("x", maxToken+1)
	for _, c := range []struct{ old, new, says string }{
		{`"version":"1.0"`, `"version":"2.0"`, `version is "2.0"`},
		{`"version":"1.0"`, `"version":1`, `read version`},
		{`"truncation":null`, `"extra":null`, `unknown field "extra"`},
		{`"truncation":null`, `"version":"1.0"`, `field "version" occurs twice`},
		{`"normalizer":null`, `"normalizer":{"type":"NFKC"}`, `normalizer "NFKC" is not supported: of byte-level BPE, none or NFC is read`},
		{`"normalizer":null`, `"normalizer":{}`, `normalizer has no type`},
		{`"normalizer":null`, `"normalizer":{"type":7}`, `read the type of normalizer`},
		{`"normalizer":null`, `"normalizer":[]`, `read normalizer`},
		{pre, `"pre_tokenizer":null`, `pre_tokenizer is missing or null: only byte-level BPE`},
		{pre + ",", ``, `pre_tokenizer is missing or null`},
		{pre, `"pre_tokenizer":{"type":"Whitespace"}`, `pre_tokenizer "Whitespace" is not supported`},
		{pre, `"pre_tokenizer":{"type":"Split","pattern":{"Regex":"(a+)+$"}}`, `pre_tokenizer "Split" is not supported`},
		{pre, `"pre_tokenizer":{"type":"ByteLevel"}`, `has no add_prefix_space`},
		{pre, `"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":1}`, `add_prefix_space of pre_tokenizer ByteLevel is "1"`},
		{pre, `"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":true,"more":true}`, `unknown field "more" of pre_tokenizer`},
		{pre, `"pre_tokenizer":7`, `read pre_tokenizer`},
		{post, `"post_processor":{"type":"BertProcessing"}`, `post_processor "BertProcessing" is not supported`},
		{post, `"post_processor":7`, `read post_processor`},
		{post, `"post_processor":{"type":"TemplateProcessing","special_tokens":{"<s>":{}}}`, `has no single with its special_tokens`},
		{post, `"post_processor":{"type":"TemplateProcessing"}`, `has no single with its special_tokens`},
		{post, `"post_processor":{"type":"TemplateProcessing","single":[],"special_tokens":{}}`, `has the text A 0 times in single`},
		{post, `"post_processor":{"type":"TemplateProcessing","single":[{"Sequence":{"id":"B"}}],"special_tokens":{}}`, `neither the text A nor one of its special_tokens`},
		{post, `"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<x>"}},{"Sequence":{"id":"A"}}],"special_tokens":{}}`, `neither the text A nor one of its special_tokens`},
		{post, `"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"a"}},{"Sequence":{"id":"A"}}],"special_tokens":{"a":{"ids":[67]}}}`, `puts token 67 beside a text, which is no added token`},
		{post, `"post_processor":{"type":"Sequence","processors":[null]}`, `post_processor is a Sequence of another Sequence or of null`},
		{post, `"post_processor":{"type":"Sequence"}`, `read processors of post_processor`},
		{dec, `"decoder":null`, `decoder is missing or null`},
		{dec + ",", ``, `decoder is missing`},
		{dec, `"decoder":{"type":"WordPiece"}`, `decoder "WordPiece" is not supported`},
		{dec, `"decoder":7`, `read decoder`},

		{`"added_tokens":[`, `"added_tokens":{"a":[`, `not JSON`},
		{x, `7`, `read an added token`},
		{x, `{"id":1}`, `added token 1 has no content`},
		{x, `{"content":"<x>"}`, `added token "<x>" has no id`},
		{x, `{"id":1,"content":7}`, `read the content of an added token`},
		{x, `{"id":1,"content":"<x>","special":0}`, `read special of an added token`},
		{x, `{"id":1,"content":"<x>","lstrip":1}`, `read lstrip of an added token`},
		{x, `{"id":1,"content":"<x>","single_word":null}`, `read single_word of an added token`},
		{x, `{"id":1,"content":"<x>","colour":"red"}`, `unknown field "colour" of an added token`},
		{x, `{"id":1,"content":"` + giant + `"}`, `added token 1 has 4097 bytes`},
		{x, `{"id":-1,"content":"<x>"}`, `is -1: it must be a whole number`},
		{x, `{"id":1.5,"content":"<x>"}`, `is 1.5: it must be a whole number`},
		{x, `{"id":1e300,"content":"<x>"}`, `it must be a whole number`},
		{x, `{"id":"1","content":"<x>"}`, `read the id of an added token, a number`},
		{x, `{"id":2,"content":"<x>"}`, `added token "<x>" has id 2, but the vocabulary gives it id 1`},
		{x, x + `,` + x, `added token "<x>" occurs twice`},
		{x, x + `,{"id":261,"content":"<y>"}`, `added token "<y>" has id 261, but the next one that is free is 260`},
		{x, `{"id":1,"content":"<x>"},{"id":258,"content":"he"}`, `token "he" is made by merge 0 and is an added token, too`},
		{x, `{"id":1,"content":"<x>"},{"id":2,"content":"!"}`, `byte 0x21, spelt '!', has no token`},

		{`"type":"BPE"`, `"type":"Unigram"`, `model "Unigram" is not supported`},
		{`"type":"BPE"`, `"type":7`, `read the type of the model`},
		{`"dropout":null`, `"dropout":0.1`, `dropout is 0.1: that is not supported`},
		{`"continuing_subword_prefix":""`, `"continuing_subword_prefix":"##"`, `continuing_subword_prefix is "##"`},
		{`"end_of_word_suffix":""`, `"end_of_word_suffix":"</w>"`, `end_of_word_suffix is "</w>"`},
		{`"byte_fallback":false`, `"byte_fallback":true`, `pre_tokenizer "ByteLevel" is not supported: with byte_fallback`},
		{`"ignore_merges":false`, `"ignore_merges":null`, `read ignore_merges`},
		{`"fuse_unk":false`, `"mystery":false`, `unknown field "mystery" of the model`},
		{`"fuse_unk":false`, `"eos_token":"<y>"`, `eos_token "<y>" is no added token`},
		{`"fuse_unk":false`, `"eos_token":7`, `read eos_token`},
		{`"fuse_unk":false`, `"chat_template":["a"]`, `read chat_template`},

		{`"!":2`, `"!":2,"!":2`, `field "!" occurs twice`},
		{`"!":2`, `"!":3`, `tokens "!" and "\"" have the same id 3`},
		{`"!":2`, `"!":777`, `token "!" has id 777, but vocab has 260 tokens`},
		{`"!":2`, `"!":null`, `read the id of token "!"`},
		{`"!":2`, `"!":2,"":260`, `token 260 is empty`},
		{`"!":2`, `"!":2,"` + giant + `":260`, `token 260 has 4097 bytes`},
		{`"!":2`, `"!":2,"日本":260`, `token "日本" (id 260) is not spelt in byte-level characters`},
		{`"!":2`, `"!":2,"zz":260`, `token "zz" (id 260) is made by no merge`},
		{`"!":2`, `"!!":2`, `token "!!" (id 2) is made by no merge`},
		{`"vocab":{`, `"vocab":[{`, `not JSON`},

		{`"merges":["h e","he y"]`, `"merges":[]`, `the merge table is empty`},
		{`,"merges":["h e","he y"]`, ``, `the merge table is empty`},
		{`"h e","he y"`, `"h e"`, `token "hey" (id 259) is made by no merge and is no added token: the merges are incomplete`},
		{`"h e","he y"`, `"h e","he  y"`, `merge 1 is "he  y": it must be two tokens`},
		{`"h e","he y"`, `"h e","hey"`, `merge 1 is "hey": it must be two tokens`},
		{`"h e","he y"`, `"h e",["he","y","z"]`, `read the end of merge 1`},
		{`"h e","he y"`, `"h e",["he"]`, `read part 2 of merge 1`},
		{`"h e","he y"`, `"h e",["he",7]`, `read part 2 of merge 1`},
		{`"h e","he y"`, `"h e",7`, `merge 1 is "7": it must be a string`},
		{`"h e","he y"`, `"h e","q q"`, `merge 1 joins "q" and "q", but the vocabulary has no token "qq"`},
		{`"h e","he y"`, `"h e","qq y"`, `merge 1 joins "qq" and "y", but "qq" is no token`},
		{`"h e","he y"`, `"h e"," e","he y"`, `merge 1 joins "" and "e", but "" is no token`},
		{`"h e","he y"`, `"h e","he y","h e"`, `the merge of "h" and "e" (2) occurs twice`},
		{`"h e","he y"`, `"h e","he y","<x> y"`, `"<x>" is no token of the vocabulary`},
		{`"merges":["h e","he y"]`, `"merges":{}`, `read merges, an array`},
	} {
		changed := replaced(t, file, c.old, c.new)
		tok, err := parse([]byte(changed))
		if err == nil {
			t.Errorf("%.60s: accepted, %d tokens", c.new, tok.Vocab())
		} else if m := err.Error(); !strings.Contains(m, c.says) || strings.ContainsAny(m, "\n") {
			t.Errorf("%.60s: %q does not say %q on one line", c.new, m, c.says)
		}
	}
	// What is spelt in another way, and means the same.
	for _, c := range []struct{ old, new string }{
		{`"merges":["h e","he y"]`, `"merges":[["h","e"],["he","y"]]`},
		{`"type":"BPE",`, ``},
		{`"normalizer":null,`, ``},
		{post + ",", ``},
		{post, `"post_processor":null`},
		{post, `"post_processor":{"type":"TemplateProcessing","single":[{"Sequence":{"id":"A","type_id":0}}],"pair":[],"special_tokens":{}}`},
		{`"dropout":null`, `"dropout":0.0`},
		{`"unk_token":null`, `"unk_token":"<|endoftext|>"`},
		{`"padding":null`, `"padding":{"strategy":"BatchLongest"}`},
		{`"continuing_subword_prefix":""`, `"continuing_subword_prefix":null`},
		{`"fuse_unk":false`, `"fuse_unk":false,"eos_token":"<|endoftext|>"`},
	} {
		tok, err := parse([]byte(replaced(t, file, c.old, c.new)))
		if err != nil {
			t.Errorf("%s: %v", c.new, err)
		} else if again, _ := tok.MarshalJSON(); string(again) != file {
			t.Errorf("%s: another tokenizer", c.new)
		}
	}
}

// TestTooMany has read as many tokens and merges as may be, and comes to one more.
func TestTooMany(t *testing.T) {
	full := func() *huggingFace {
		return &huggingFace{names: make([]string, maxTokens), merges: make([][2]string, maxTokens), added: make([]Added, maxTokens)}
	}
	in := func(s string) *json.Decoder { return json.NewDecoder(strings.NewReader(s)) }
	for _, c := range []struct {
		err  error
		says string
	}{
		{full().readVocab(in(`{"a":0}`)), "vocab has more than 1048576 tokens"},
		{full().readMerges(in(`["a a"]`)), "more than 1048576 merges"},
		{full().readMergesText([]byte("a a\n")), "more than 1048576 merges"},
		{full().readAdded(in(`[{}]`)), "more than 1048576 added tokens"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%v does not say %q", c.err, c.says)
		}
	}
}

// TestLoadDirectory reads directories as they are published.
func TestLoadDirectory(t *testing.T) {
	files, err := GPT2().Files()
	if err != nil {
		t.Fatal(err)
	}
	vocab, merges := string(files[vocabFile]), string(files[mergesFile])
	old := map[string]string{vocabFile: vocab, mergesFile: merges}
	with := func(more map[string]string) fstest.MapFS {
		f := fstest.MapFS{}
		for _, m := range []map[string]string{old, more} {
			for name, data := range m {
				f[name] = &fstest.MapFile{Data: []byte(data)}
			}
		}
		return f
	}
	check := func(name string, f fstest.MapFS, eos int32, chat string, size int) *Tokenizer {
		tok, err := LoadFS(f)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return nil
		}
		if id, _ := tok.EOS(); id != eos || tok.ChatTemplate() != chat || tok.Vocab() != size {
			t.Errorf("%s: the end is %d, the chat %q, the vocabulary %d", name, id, tok.ChatTemplate(), tok.Vocab())
		}
		return tok
	}
	check("vocab and merges", with(nil), 50256, "", 50257)
	check("windows", with(map[string]string{mergesFile: strings.ReplaceAll(merges, "\n", "\r\n")}), 50256, "", 50257)
	check("a map", with(map[string]string{specialFile: `{"eos_token":{"content":"<|endoftext|>","lstrip":false},"pad_token":"<p>"}`}), 50256, "", 50257)
	check("added", with(map[string]string{addedFile: `{"<pad>":50257}`, specialFile: `{"eos_token":"<pad>"}`}), 50257, "", 50258)
	check("decoder", with(map[string]string{configFile: `{"tokenizer_class":"GPT2Tokenizer","eos_token":"<e>","chat_template":"{{x}}","added_tokens_decoder":{
		"50257":{"content":"<e>","special":true,"normalized":false,"lstrip":false},"50258":{"content":"a word","special":false}}}`}), 50257, "{{x}}", 50259)
	check("two ends", with(map[string]string{addedFile: `{"<a>":50257,"<b>":50258}`, specialFile: `{"eos_token":"<a>"}`, configFile: `{"eos_token":"<b>"}`}), 50258, "", 50259)
	check("null beside a map", with(map[string]string{addedFile: `{"<a>":50257}`, specialFile: `{"eos_token":"<a>"}`, configFile: `{"eos_token":null}`}), 50257, "", 50258)
	check("no end is named", with(map[string]string{configFile: `{"eos_token":null,"chat_template":null}`}), 50256, "", 50257)
	check("templates", with(map[string]string{configFile: `{"chat_template":[{"name":"tool","template":"t"},{"name":"default","template":"d"}]}`}), 50256, "d", 50257)
	check("a template's file", with(map[string]string{configFile: `{"chat_template":"old"}`, chatFile: "new\n"}), 50256, "new\n", 50257)
	if tok := check("a space before", with(map[string]string{configFile: `{"add_prefix_space":true}`}), 50256, "", 50257); tok != nil {
		if ids, _ := tok.Encode("Hello"); !slices.Equal(ids, []int32{18435}) {
			t.Errorf("a space before: %v", ids)
		}
	}
	both := with(map[string]string{tokenizerFile: string(files[tokenizerFile]), configFile: `{"tokenizer_class":"PreTrainedTokenizerFast","add_prefix_space":true}`})
	if tok := check("another class", both, 50256, "", 50257); tok != nil && tok.bpe.prefixSpace {
		t.Error("another class: add_prefix_space is GPT2Tokenizer's alone")
	}
	chars, _ := NewChars("abc")
	ours, _ := chars.MarshalJSON()
	if tok, err := LoadFS(with(map[string]string{tokenizerFile: string(ours)})); err != nil || tok.Kind() != Chars {
		t.Error("ours:", err)
	}

	tok, err := parse([]byte(small(t)))
	if err != nil {
		t.Fatal(err)
	}
	if files, err = tok.Files(); err != nil {
		t.Fatal(err)
	}
	old = map[string]string{vocabFile: string(files[vocabFile]), mergesFile: string(files[mergesFile]), addedFile: `{"<x>":1}`}
	for _, c := range []struct {
		files map[string]string
		says  string
	}{
		{map[string]string{vocabFile: "{"}, "vocab.json: not JSON"},
		{map[string]string{vocabFile: `["a"]`}, "vocab.json: read vocab, an object"},
		{map[string]string{vocabFile: `{"a":0}`}, "merge 0 joins"},
		{map[string]string{mergesFile: "#version: 0.2\n"}, "vocab.json with merges.txt: the merge table is empty"},
		{map[string]string{mergesFile: "#version: 0.2\na b\nab\n"}, "merges.txt: line 3: merge 1"},
		{map[string]string{mergesFile: "a \xff\n"}, "merges.txt: byte 0xff at offset 2"},
		{map[string]string{tokenizerFile: "{}"}, `tokenizer.json: field "format" is missing`},
		{map[string]string{configFile: `{"tokenizer_class":"CLIPTokenizer"}`}, `tokenizer_class "CLIPTokenizer" is not supported`},
		{map[string]string{configFile: `{"tokenizer_class":7}`}, `tokenizer_class is "7"`},
		{map[string]string{configFile: `{"eos_token":"a","eos_token":"b"}`}, `field "eos_token" occurs twice`},
		{map[string]string{configFile: `[]`}, `read the configuration`},
		{map[string]string{configFile: `{"add_bos_token":"yes"}`}, `add_bos_token is`},
		{map[string]string{configFile: `{"eos_token":"</s>"}`}, `eos_token "</s>" is no added token`},
		{map[string]string{configFile: `{"eos_token":7}`}, `eos_token is "7"`},
		{map[string]string{configFile: `{"eos_token":{"content":7}}`}, `eos_token: content is "7"`},
		{map[string]string{configFile: `{"eos_token":{"content":"a","content":"b"}}`}, `field "content" occurs twice`},
		{map[string]string{configFile: `{"eos_token":{"content":"a","rstrip":"no"}}`}, `rstrip is`},
		{map[string]string{configFile: `{"chat_template":7}`}, `chat_template is neither`},
		{map[string]string{configFile: `{"chat_template":[7]}`}, `chat_template: `},
		{map[string]string{configFile: `{"chat_template":[{"name":"a","template":"b"}]}`}, `without one named default`},
		{map[string]string{configFile: `{"added_tokens_decoder":7}`}, `read added_tokens_decoder`},
		{map[string]string{configFile: `{"added_tokens_decoder":{"x":{}}}`}, `added_tokens_decoder has a key "x"`},
		{map[string]string{configFile: `{"added_tokens_decoder":{"1":{"content":7}}}`}, `added token 1: content is "7"`},
		{map[string]string{configFile: `{"added_tokens_decoder":{"261":{"content":"<a>"}}}`}, `the next one that is free is 260`},
		{map[string]string{specialFile: `7`}, `special_tokens_map.json: read the map`},
		{map[string]string{addedFile: `7`}, `added_tokens.json: read the added tokens`},
		{map[string]string{addedFile: `{"a":"b"}`}, `added_tokens.json: a is`},
		{map[string]string{chatFile: "\xff"}, `chat_template.jinja: byte 0xff`},
		{map[string]string{configFile: "\xff"}, `tokenizer_config.json: byte 0xff`},
	} {
		_, err := LoadFS(with(c.files))
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.80v: %v does not say %q", c.files, err, c.says)
		}
	}
	if _, err := LoadFS(fstest.MapFS{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty directory: %v", err)
	}
	if _, err := LoadFS(fstest.MapFS{vocabFile: {Data: files[vocabFile]}}); err == nil || !strings.Contains(err.Error(), mergesFile) {
		t.Errorf("without merges.txt: %v", err)
	}
	for _, name := range []string{tokenizerFile, vocabFile, configFile} {
		if _, err := LoadFS(fstest.MapFS{name: {Mode: os.ModeNamedPipe}}); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s is a pipe: %v", name, err)
		}
	}
	path := filepath.Join(t.TempDir(), "tokens")
	if err := GPT2().SaveDir(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path, configFile), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("the error does not name the directory: %v", err)
	}
}

// TestMarkup states what special tokens are in text.
func TestMarkup(t *testing.T) {
	g := GPT2()
	plain, _ := g.Encode("a<|endoftext|>")
	marked, _ := g.EncodeMarkup("a<|endoftext|>")
	if len(plain) != 8 || !slices.Equal(marked, []int32{64, 50256}) {
		t.Error(plain, marked)
	}
	if g.Visible(marked) != "a" || g.Decode(marked) != "a<|endoftext|>" || !g.IsSpecial(50256) || g.IsSpecial(64) {
		t.Errorf("%q, %q", g.Visible(marked), g.Decode(marked))
	}
	if id, ok := g.Special("<|endoftext|>"); id != 50256 || !ok {
		t.Error(id, ok)
	}
	if _, ok := g.Special("<pad>"); ok {
		t.Error("GPT-2 has no <pad>")
	}
	b := NewBytes()
	ids, err := b.EncodeMarkup("<|endoftext|>")
	if _, ok := b.EOS(); ok || err != nil || len(ids) != 13 || b.IsSpecial(0) || b.ChatTemplate() != "" || b.Merges() != nil || b.Spelling(' ') != " " {
		t.Error("bytes have no special tokens", ids, err)
	}
	files, err := b.Files()
	if err != nil || len(files) != 1 || !json.Valid(files[tokenizerFile]) {
		t.Error(files, err)
	}
}

// TestLearningRefused has each thing that cannot be learnt.
func TestLearningRefused(t *testing.T) {
	for _, c := range []struct {
		text string
		o    TrainOptions
		says string
	}{
		{"aa aa", TrainOptions{Vocab: 256}, "it must be between 257"},
		{"aa aa", TrainOptions{Vocab: maxTokens + 1}, "it must be between"},
		{"aa aa", TrainOptions{Vocab: 300, MinCount: -1}, "must not be negative"},
		{"aa aa", TrainOptions{Vocab: 300, Specials: []string{""}}, `special token ""`},
		{"aa aa", TrainOptions{Vocab: 300, Specials: []string{"\xff"}}, `special token "\xff"`},
		{"aa aa", TrainOptions{Vocab: 300, Specials: []string{"<a>", "<a>"}}, `"<a>" is given twice`},
		{"aa aa", TrainOptions{Vocab: 300, Specials: []string{"<a>"}, EOS: "<b>"}, `"<b>" is to end a text, but is not among`},
		{"aa aa", TrainOptions{Vocab: 300, Specials: []string{"a"}}, `special token "a" is also what a token of the text is written as`},
		{"aa aa", TrainOptions{Vocab: 300, Specials: []string{"aa"}}, `special token "aa" is also`},
		{"", TrainOptions{Vocab: 300}, "no two neighbours"},
		{"a b c", TrainOptions{Vocab: 300, MinCount: 2}, "no two neighbours occur 2 times"},
	} {
		if _, err := TrainBPE(slices.Values([]string{c.text}), c.o); err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v does not say %q", c.o, err, c.says)
		}
	}
}
