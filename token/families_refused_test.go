package token

import (
	"strings"
	"testing"
)

// TestFamiliesRefused changes one thing of a tokenizer that is read, and wants the line that
// says what.
func TestFamiliesRefused(t *testing.T) {
	type change struct{ old, new, says string }
	for name, changes := range map[string][]change{
		"llama3": {
			{`\\p{N}{1,3}`, `\\p{N}{1,4}`, `the patterns of Llama 3 and of Qwen 2 are read`},
			{`"Isolated"`, `"Removed"`, `each match isolated`},
			{`"invert":false`, `"invert":true`, `each match isolated`},
			{`"use_regex":false`, `"use_regex":true`, `with use_regex true behind it is not supported`},
			{`"pre_tokenizer":{"type":"Sequence","pretokenizers":[`, `"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Whitespace"},`, `pre_tokenizer "Whitespace, Split, ByteLevel" is not supported`},
			{`"pre_tokenizer":{"type":"Sequence",`, `"pre_tokenizer":{"type":"Sequence","more":1,`, `pre_tokenizer Sequence has other fields than pretokenizers`},
			{`[{"type":"Split"`, `[{"type":"Sequence","pretokenizers":[]},{"type":"Split"`, `a Sequence of another Sequence`},
			{`"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<|begin_of_text|>","type_id":0}},`, `"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<x>","type_id":0}},`, `neither the text A nor one of its special_tokens`},
			{`"ids":[1600]`, `"ids":[5]`, `puts token 5 beside a text, which is no added token`},
			{`"type":"TemplateProcessing"`, `"type":"RobertaProcessing"`, `post_processor "RobertaProcessing" is not supported`},
		},
		"smollm2": {
			{`"individual_digits":true`, `"individual_digits":false`, `pre_tokenizer Digits is read with individual_digits true`},
			{`"type":"Digits","individual_digits":true`, `"type":"Punctuation","behavior":"Isolated"`, `pre_tokenizer "Punctuation" is not supported: before ByteLevel, Split and Digits are read`},
			{`{"type":"ByteLevel","add_prefix_space":false`, `{"type":"ByteLevel","add_prefix_space":true`, `a space before each of its words is not supported`},
		},
		"qwen2": {
			{`"normalizer":{"type":"NFC"}`, `"normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Lowercase"}]}`, `normalizer "NFC, Lowercase" is not supported`},
			{`"byte_fallback":false`, `"byte_fallback":true`, `normalizer "NFC, Split, ByteLevel" is not supported: with byte_fallback`},
		},
		"llama2": {
			{`"byte_fallback":true`, `"byte_fallback":false`, `normalizer "Prepend, Replace" is not supported: of byte-level BPE`},
			{`"prepend":"▁"`, `"prepend":"_"`, `normalizer "Prepend, Replace" is not supported: with byte_fallback`},
			{`{"type":"Prepend","prepend":"▁"},`, `{"type":"NFC"},{"type":"Prepend","prepend":"▁"},`, `normalizer "NFC, Prepend, Replace" is not supported`},
			{`"pattern":{"String":" "},"content":"▁"`, `"pattern":{"Regex":" "},"content":"▁"`, `normalizer "Prepend, Replace" is not supported`},
			{`"pre_tokenizer":null`, `"pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":false}`, `normalizer "Prepend, Replace, Metaspace" is not supported`},
			{`{"type":"Fuse"},`, ``, `decoder "Replace, ByteFallback, Strip" is not supported`},
			{`"start":1`, `"start":2`, `decoder "Replace, ByteFallback, Fuse, Strip" is not supported`},
			{`"ignore_merges":false`, `"ignore_merges":true`, `ignore_merges with byte_fallback is not supported`},
			{`"<0x41>"`, `"<0x041>"`, `byte_fallback is true, but there is no token <0x41>`},
			{`"▁the":`, `"▁ the":`, `"▁the"`},
			{`"▁":`, `"▁▁▁▁▁":`, `▁`},
			{`["▁","t"],`, ``, `token "▁t" (id 259) is made by no merge, although its parts are tokens`},
		},
		"mistral": {
			{`"prepend_scheme":"first"`, `"prepend_scheme":"last"`, `prepend_scheme of pre_tokenizer Metaspace is "last"`},
			{`"replacement":"▁"`, `"replacement":"_"`, `pre_tokenizer Metaspace is read with replacement "▁"`},
			{`"split":false`, `"split":true`, `pre_tokenizer Metaspace is read with replacement "▁", prepend_scheme and split false`},
			{`"split":false`, `"split":false,"add_prefix_space":false`, `is not what prepend_scheme "first" means`},
			{`"prepend_scheme":"first",`, ``, `pre_tokenizer Metaspace is read with`},
		},
	} {
		f := families().Families
		at := 0
		for f[at].Name != name {
			at++
		}
		file := string(f[at].Tokenizer)
		for _, c := range changes {
			if strings.Count(file, c.old) == 0 {
				t.Errorf("%s has no %s", name, c.old)
				continue
			}
			_, err := parse([]byte(strings.Replace(file, c.old, c.new, 1)))
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s, %s: %v does not say %q on one line", name, c.new, err, c.says)
			}
		}
	}
	// The same in other words.
	for _, c := range []struct{ name, old, new string }{
		{"mistral", `"split":false`, `"split":false,"add_prefix_space":true,"str_rep":"▁"`},
		{"qwen2", `"normalizer":{"type":"NFC"}`, `"normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"}]}`},
		{"llama2", `"fuse_unk":true`, `"fuse_unk":false`},
	} {
		data, _ := familyOf(c.name).MarshalJSON()
		tok, err := parse([]byte(replaced(t, string(data), c.old, c.new)))
		if err != nil {
			t.Errorf("%s, %s: %v", c.name, c.new, err)
		} else if again, _ := tok.MarshalJSON(); string(again) != string(data) {
			t.Errorf("%s, %s: another tokenizer", c.name, c.new)
		}
	}
	for says, p := range map[string]Parts{
		"2 scores of 1 tokens":              {Tokens: []string{"a"}, Scores: []float32{1, 2}, SentencePiece: true},
		"no words and no NFC":               {Tokens: []string{"a"}, Split: SplitQwen2, SentencePiece: true},
		"of SentencePiece at most 512":      {Tokens: []string{strings.Repeat("a", 513)}, Scores: []float32{1}, SentencePiece: true},
		"token 0 has 0 bytes":               {Tokens: []string{""}},
		`tokens 0 and 1 are both "a"`:       {Tokens: []string{"a", "a"}},
		"there is no token <0x00>":          {Tokens: []string{"a"}, Scores: []float32{1}, SentencePiece: true},
		`bos_token "<s>" is no added token`: withBOS("<s>"),
	} {
		if _, err := NewBPE(p); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v does not say %q", err, says)
		}
	}
}

// withBOS are parts of a tokenizer whose beginning of text is bos.
func withBOS(bos string) Parts {
	p, _, _ := familyOf("llama3").Parts()
	p.BOS = bos
	return p
}
