package token

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A gold is what testdata/make.py wrote: how Hugging Face's libraries cut 2,490
// hostile strings.
type gold struct {
	Versions string
	Strings  []string
	GPT2     [][]int32
	Sums     map[string]struct{ Plain, Markup string } // CRC-32 of each string's ids
	Added    json.RawMessage
	Ours     string `json:"ours_sha256"`
	Learnt   []struct {
		Texts, Specials, Tokens, Merges []string
		Vocab, Least                    int
		Prefix                          bool
	}
}

var golden = sync.OnceValue(func() (g gold) {
	if err := json.Unmarshal(unzip("testdata/golden.json.gz"), &g); err != nil {
		panic(err)
	}
	return g
})

func unzip(path string) []byte {
	f, err := os.Open(path)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		panic(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		panic(err)
	}
	return data
}

// theirs is a tokenizer.json that Hugging Face's library wrote.
var theirs = sync.OnceValue(func() string { return string(unzip("testdata/theirs.json.gz")) })

func TestGPT2AsTheReference(t *testing.T) {
	g := golden()
	if len(g.Strings) < 2000 {
		t.Fatalf("%d strings", len(g.Strings))
	}
	for i, s := range g.Strings {
		if ids, _ := GPT2().Encode(s); !slices.Equal(ids, g.GPT2[i]) {
			t.Errorf("%q: %v, the reference says %v", s, ids, g.GPT2[i])
		}
	}
}

// TestAsTheReference cuts the strings with tokenizers of every setting that can be
// read, with special tokens as text and as tokens.
func TestAsTheReference(t *testing.T) {
	g := golden()
	gpt2, err := GPT2().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(gpt2), `"added_tokens":[`)
	_, after, _ := strings.Cut(rest, `]`)
	ours := learnGolden(t)
	for name, file := range map[string]string{
		"gpt2":   string(gpt2),
		"added":  before + `"added_tokens":` + string(g.Added) + after,
		"theirs": theirs(),
		"prefix": replaced(t, theirs(), `"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false`, `"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":true`),
		"whole":  replaced(t, theirs(), `"add_prefix_space":false,"trim_offsets":true,"use_regex":true}`, `"add_prefix_space":false,"trim_offsets":true,"use_regex":false}`),
		"ignore": halved(t),
		"ours":   string(ours),
	} {
		tok, err := parse([]byte(file))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := g.Sums[name]
		for _, mode := range []struct {
			name, sums string
			encode     func(string) ([]int32, error)
		}{{"plain", want.Plain, tok.Encode}, {"markup", want.Markup, tok.EncodeMarkup}} {
			if len(mode.sums) != 8*len(g.Strings) {
				t.Fatalf("%s, %s: %d sums", name, mode.name, len(mode.sums)/8)
			}
			for i, s := range g.Strings {
				ids, _ := mode.encode(s)
				if sum := fmt.Sprintf("%08x", crc32.ChecksumIEEE(littleEndian(ids))); sum != mode.sums[8*i:8*i+8] {
					t.Errorf("%s, %s: %q is not %v", name, mode.name, s, ids)
				}
				if got := tok.Decode(ids); got != s && (name != "prefix" || strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(s, " ", "")) {
					t.Errorf("%s, %s: %q came back as %q", name, mode.name, s, got)
				}
			}
		}
	}
}

// halved is theirs with every other merge gone, so that ignore_merges matters: words
// that are tokens stay whole.
func halved(t *testing.T) string {
	var file map[string]any
	if err := json.Unmarshal([]byte(theirs()), &file); err != nil {
		t.Fatal(err)
	}
	model := file["model"].(map[string]any)
	var merges []any
	for i, m := range model["merges"].([]any) {
		if i%2 == 0 {
			merges = append(merges, m)
		}
	}
	model["merges"], model["ignore_merges"] = merges, true
	data, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// replaced asserts that old is there once.
func replaced(t *testing.T, s, old, new string) string {
	t.Helper()
	if strings.Count(s, old) != 1 {
		t.Fatalf("%q occurs %d times", old, strings.Count(s, old))
	}
	return strings.Replace(s, old, new, 1)
}

func littleEndian(ids []int32) []byte {
	var b []byte
	for _, id := range ids {
		b = binary.LittleEndian.AppendUint32(b, uint32(id))
	}
	return b
}

// learnGolden learns the vocabulary that testdata/ours learns, and checks that it is the
// file which Hugging Face's library has read.
func learnGolden(t *testing.T) []byte {
	t.Helper()
	tok, err := TrainBPE(slices.Values(golden().Strings), TrainOptions{Vocab: 1200, MinCount: 2, Specials: []string{"<|endoftext|>", "<|im_start|>", "<|im_end|>"}, EOS: "<|im_end|>"})
	if err != nil {
		t.Fatal(err)
	}
	data, err := tok.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != golden().Ours {
		t.Fatal("not the tokenizer.json that the reference read: run testdata/make.py")
	}
	return data
}

// TestLearnsAsTheReference learns from texts with many ties, and from the hostile
// strings: the same tokens and the same merges in the same order.
func TestLearnsAsTheReference(t *testing.T) {
	for i, c := range golden().Learnt {
		tok, err := TrainBPE(slices.Values(c.Texts), TrainOptions{Vocab: c.Vocab, MinCount: c.Least, Specials: c.Specials, PrefixSpace: c.Prefix})
		if len(c.Merges) == 0 {
			if err == nil {
				t.Errorf("case %d: %d merges of nothing", i, len(tok.Merges()))
			}
			continue
		}
		if err != nil {
			t.Fatal(i, err)
		}
		var tokens []string
		for id := range int32(tok.Vocab()) {
			if int(id) >= len(c.Specials)+256 {
				tokens = append(tokens, tok.Spelling(id))
			}
		}
		if !slices.Equal(tokens, c.Tokens) || !slices.Equal(tok.Merges(), c.Merges) {
			t.Errorf("case %d: %q and %q; the reference learns %q and %q", i, tokens, tok.Merges(), c.Tokens, c.Merges)
		}
	}
	want, err := parse([]byte(theirs()))
	if err != nil {
		t.Fatal(err)
	}
	got, err := TrainBPE(slices.Values(golden().Strings), TrainOptions{Vocab: 1500, Specials: []string{"<|endoftext|>", "<pad>"}})
	if err != nil {
		t.Fatal(err)
	}
	a, _ := got.MarshalJSON()
	b, _ := want.MarshalJSON()
	if !bytes.Equal(a, b) {
		t.Error("the hostile strings teach another vocabulary")
	}
}
