package token

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// A tokenizer that was extended cuts texts as before, but for the new tokens.
func TestExtend(t *testing.T) {
	for name, c := range map[string]struct {
		tok  *Tokenizer
		text string
		want []int32
		ids  []int32
	}{
		// GPT-2 has 50257 tokens; "hi" is 5303, " there" 612, and "<|" no beginning of a word.
		"gpt2":  {GPT2(), "hi<|a|> there<|b|><|endoftext|>", []int32{5303, 50257, 612, 50258}, []int32{50257, 50258, 50256}},
		"bytes": {NewBytes(), "h<|a|>é<|b|>", []int32{'h', 256, 0xc3, 0xa9, 257}, []int32{256, 257}},
	} {
		texts := []string{"<|a|>", "<|b|>"}
		if len(c.ids) == 3 {
			texts = append(texts, "<|endoftext|>")
		}
		long, ids, err := c.tok.Extend(texts...)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(ids, c.ids) || long.Vocab() != c.tok.Vocab()+2 {
			t.Errorf("%s: tokens %v of %d, want %v", name, ids, long.Vocab(), c.ids)
		}
		got, err := long.Encode(c.text)
		if err != nil || !slices.Equal(got[:len(c.want)], c.want) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, c.want)
		}
		if back := long.Decode(got); back != c.text {
			t.Errorf("%s: %q became %q", name, c.text, back)
		}
		plain := "No mark < | a |> here: 123, naïve."
		before, _ := c.tok.Encode(plain)
		if after, _ := long.Encode(plain); !slices.Equal(before, after) {
			t.Errorf("%s: a text without the tokens is %v, and was %v", name, after, before)
		}
		// As a checkpoint and an export keep it, it is the same.
		data, err := json.Marshal(long)
		again := new(Tokenizer)
		if err == nil {
			err = json.Unmarshal(data, again)
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if ids, _ := again.Encode(c.text); !slices.Equal(ids, got) || again.Vocab() != long.Vocab() {
			t.Errorf("%s: written and read, %v, was %v", name, ids, got)
		}
		if same, ids, err := long.Extend("<|b|>"); err != nil || same != long || ids[0] != c.want[len(c.want)-1] {
			t.Errorf("%s: a token that is there: %v, %v", name, ids, err)
		}
	}
	llama := familyOf("llama3")
	longer, _, err := llama.Extend("<|a|>")
	if err != nil {
		t.Fatal(err)
	}
	was, _ := llama.BOS()
	before, _ := longer.Around()
	if bos, ok := longer.BOS(); !ok || bos != was || !slices.Equal(before, []int32{bos}) {
		t.Errorf("a text begins with %d, %v and after %v, and began with %d", bos, ok, before, was)
	}
	chars, err := NewChars("abc")
	if err != nil {
		t.Fatal(err)
	}
	for want, f := range map[string]func() error{
		"of characters":                 func() error { _, _, err := chars.Extend("<x>"); return err },
		"named twice":                   func() error { _, _, err := NewBytes().Extend("<x>", "<x>"); return err },
		"a token of 0 bytes":            func() error { _, _, err := NewBytes().Extend(""); return err },
		"not UTF-8":                     func() error { _, _, err := NewBytes().Extend("\xff\xfe"); return err },
		`"hi" is a token of the merges`: func() error { _, _, err := GPT2().Extend("hi"); return err },
	} {
		if err := f(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error with %q", err, want)
		}
	}
}
