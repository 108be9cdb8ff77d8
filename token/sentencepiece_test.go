package token

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"google.golang.org/protobuf/encoding/protowire"
)

// A spokenModel is a tokenizer.model, and what SentencePiece made of strings with it
// (testdata/sentence.py).
type spokenModel struct {
	Name       string
	Model      []byte
	First      int
	IDs, Texts []string
	Around     [2][]int32 // "Hello world" with the token before it, and without
}

var spokenModels = sync.OnceValue(func() []spokenModel {
	var g struct{ Models []spokenModel }
	if err := json.Unmarshal(unzip("testdata/sentencepiece.json.gz"), &g); err != nil {
		panic(err)
	}
	return g.Models
})

// TestSentencePiece cuts more than 100,000 strings with a tokenizer.model as SentencePiece
// does, and decodes them as it does.
func TestSentencePiece(t *testing.T) {
	g := families()
	for _, m := range spokenModels() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			tok, err := loadPieces(m.Model, &config{})
			if err != nil {
				t.Fatal(err)
			}
			added := []string{"<unk>", "<s>", "</s>"}
			if len(m.IDs) != (g.Count-m.First)/g.Block {
				t.Fatalf("%d digests", len(m.IDs))
			}
			for block := range m.IDs {
				ids, texts := sha256.New(), sha256.New()
				for i := m.First + block*g.Block; i < m.First+(block+1)*g.Block; i++ {
					a, err := tok.Encode(g.string(i, added))
					if err != nil {
						t.Fatal(err)
					}
					ids.Write(littleEndian(a))
					ids.Write([]byte("\xff\xff\xff\xff"))
					texts.Write([]byte(tok.Decode(a)))
					texts.Write([]byte("\xff"))
				}
				if got := hex.EncodeToString(ids.Sum(nil)[:8]); got != m.IDs[block] {
					t.Errorf("block %d has other ids than SentencePiece's", block)
				}
				if got := hex.EncodeToString(texts.Sum(nil)[:8]); got != m.Texts[block] {
					t.Errorf("block %d is decoded to other texts than by SentencePiece", block)
				}
			}
			got, _ := tok.Encode("Hello world")
			before, _ := tok.Around()
			if bos, ok := tok.BOS(); !slices.Equal(got, m.Around[1]) || !slices.Equal(slices.Concat(before, got), m.Around[0]) || !ok || bos != 1 {
				t.Errorf("%v and %v before it, SentencePiece %v; begins with %d", got, before, m.Around, bos)
			}
			if eos, ok := tok.EOS(); !ok || eos != 2 {
				t.Errorf("a text ends with %d", eos)
			}
		})
	}
}

// TestSentencePieceIsItsJSON: a directory with tokenizer.model alone has the tokenizer that the
// tokenizer.json made of it has, with what the configuration says of tokens around a text.
func TestSentencePieceIsItsJSON(t *testing.T) {
	model := spokenModels()[0].Model
	var want *Tokenizer
	for _, f := range families().Families {
		if f.Name == "llama2" {
			want = f.tok
		}
	}
	dir := fstest.MapFS{"tokenizer.model": {Data: model}}
	got, err := LoadFS(dir)
	if err != nil {
		t.Fatal(err)
	}
	a, err := got.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if b, err := want.WithEOS(2).MarshalJSON(); err != nil || string(a) != string(b) {
		t.Errorf("it is another tokenizer than that of tokenizer.json: %d and %d bytes, %v", len(a), len(b), err)
	}
	file := filepath.Join(t.TempDir(), "other.model")
	if err := os.WriteFile(file, model, 0o666); err != nil {
		t.Fatal(err)
	}
	alone, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := alone.MarshalJSON(); string(a) != string(b) {
		t.Error("the file alone is another tokenizer")
	}
	dir["tokenizer_config.json"] = &fstest.MapFile{Data: []byte(`{"tokenizer_class":"LlamaTokenizer","add_bos_token":false,"add_eos_token":true,"bos_token":"<s>","eos_token":"</s>",
		"chat_template":"x","added_tokens_decoder":{"1400":{"content":"<|user|>","special":true}}}`)}
	if got, err = LoadFS(dir); err != nil {
		t.Fatal(err)
	}
	before, after := got.Around()
	ids, _ := got.EncodeMarkup("<|user|>")
	if len(before) > 0 || !slices.Equal(after, []int32{2}) || !slices.Equal(ids, []int32{1400}) || got.ChatTemplate() != "x" {
		t.Errorf("%v before, %v after, <|user|> is %v, template %q", before, after, ids, got.ChatTemplate())
	}
}

// aPiece is a piece in the form of the file.
func aPiece(text string, score float32, kind uint64) []byte {
	return spoken(spokenField{1, text}, spokenField{2, score}, spokenField{3, kind})
}

// A spokenField is a field of a message: a number, a text, a float32 or a message.
type spokenField struct {
	number protowire.Number
	value  any
}

func spoken(fields ...spokenField) (b []byte) {
	for _, f := range fields {
		switch v := f.value.(type) {
		case uint64:
			b = protowire.AppendVarint(protowire.AppendTag(b, f.number, protowire.VarintType), v)
		case float32:
			b = protowire.AppendFixed32(protowire.AppendTag(b, f.number, protowire.Fixed32Type), math.Float32bits(v))
		case string:
			b = protowire.AppendString(protowire.AppendTag(b, f.number, protowire.BytesType), v)
		case []byte:
			b = protowire.AppendBytes(protowire.AppendTag(b, f.number, protowire.BytesType), v)
		}
	}
	return b
}

// aModel is a small model: more pieces, the fields of trainer_spec and of normalizer_spec.
func aModel(pieces [][]byte, trainer, normalizer []spokenField, more ...spokenField) []byte {
	all := []spokenField{{1, aPiece("<unk>", 0, 2)}, {1, aPiece("<s>", 0, 3)}, {1, aPiece("</s>", 0, 3)}}
	for b := range 256 {
		all = append(all, spokenField{1, aPiece(byteSpelling(byte(b)), 0, 6)})
	}
	for i, text := range []string{"▁", "a", "b", "ab", "▁ab"} {
		all = append(all, spokenField{1, aPiece(text, -float32(i), 1)})
	}
	for _, p := range pieces {
		all = append(all, spokenField{1, p})
	}
	return spoken(append(append(all, spokenField{2, spoken(trainer...)}, spokenField{3, spoken(normalizer...)}), more...)...)
}

var (
	spokenTrainer    = []spokenField{{3, uint64(2)}, {35, uint64(1)}, {4, uint64(264)}, {7, "unread"}}
	spokenNormalizer = []spokenField{{1, "identity"}, {3, uint64(1)}, {4, uint64(0)}}
)

// TestSentencePieceRefused: each thing that would change how a text is cut is refused by name.
func TestSentencePieceRefused(t *testing.T) {
	if tok, err := loadPieces(aModel(nil, spokenTrainer, spokenNormalizer, spokenField{4, "self-test"}), &config{}); err != nil {
		t.Fatal(err)
	} else if ids, _ := tok.Encode("ab ac"); !slices.Equal(ids, []int32{263, 259, 260, 3 + 'c'}) {
		t.Errorf("ab ac is %v", ids)
	}
	with := func(list []spokenField, more ...spokenField) []spokenField {
		return append(slices.Clone(list), more...)
	}
	whole := aModel(nil, spokenTrainer, spokenNormalizer)
	for _, f := range []struct {
		name, want string
		model      []byte
	}{
		{"unigram", "the model is of type unigram, which is not supported", aModel(nil, spokenTrainer[1:], spokenNormalizer)},
		{"word", "the model is of type word", aModel(nil, with(spokenTrainer, spokenField{3, uint64(3)}), spokenNormalizer)},
		{"type 9", "the model is of the unknown type 9", aModel(nil, with(spokenTrainer, spokenField{3, uint64(9)}), spokenNormalizer)},
		{"no bytes", "byte_fallback is false", aModel(nil, with(spokenTrainer, spokenField{35, uint64(0)}), spokenNormalizer)},
		{"suffix", "treat_whitespace_as_suffix is true", aModel(nil, with(spokenTrainer, spokenField{24, uint64(1)}), spokenNormalizer)},
		{"nfkc", `normalizer "nmt_nfkc" replaces characters`, aModel(nil, spokenTrainer, with(spokenNormalizer, spokenField{1, "nmt_nfkc"}, spokenField{2, "\x00\x01"}))},
		{"spaces", "remove_extra_whitespaces is true", aModel(nil, spokenTrainer, spokenNormalizer[:2])},
		{"no marks", "escape_whitespaces is false", aModel(nil, spokenTrainer, with(spokenNormalizer, spokenField{5, uint64(0)}))},
		{"denormalizer", "denormalizer_spec changes decoded texts", aModel(nil, spokenTrainer, spokenNormalizer, spokenField{5, spoken(spokenField{2, "x"})})},
		{"user", `piece 264, "[X]", is of type USER_DEFINED`, aModel([][]byte{aPiece("[X]", 0, 4)}, spokenTrainer, spokenNormalizer)},
		{"unused", `piece 264, "x", is of type UNUSED`, aModel([][]byte{aPiece("x", 0, 5)}, spokenTrainer, spokenNormalizer)},
		{"kind", `piece 264, "x", is of the unknown type 7`, aModel([][]byte{aPiece("x", 0, 7)}, spokenTrainer, spokenNormalizer)},
		{"byte", `piece 264, "<0x1>", is of type BYTE`, aModel([][]byte{aPiece("<0x1>", 0, 6)}, spokenTrainer, spokenNormalizer)},
		{"unknown twice", `pieces "<unk>" and "<u>" are both of type UNKNOWN`, aModel([][]byte{aPiece("<u>", 0, 2)}, spokenTrainer, spokenNormalizer)},
		{"twice", `tokens 260 and 264 are both "a"`, aModel([][]byte{aPiece("a", 0, 1)}, spokenTrainer, spokenNormalizer)},
		{"not a number", "the score of token 264 is not a number", aModel([][]byte{aPiece("abab", float32(math.NaN()), 1)}, spokenTrainer, spokenNormalizer)},
		{"infinite", "piece 264: its score is infinite", aModel([][]byte{aPiece("abab", float32(math.Inf(1)), 1)}, spokenTrainer, spokenNormalizer)},
		{"no UTF-8", "is not UTF-8", aModel([][]byte{aPiece("\xff", 0, 1)}, spokenTrainer, spokenNormalizer)},
		{"empty", "token 264 has 0 bytes", aModel([][]byte{aPiece("", 0, 1)}, spokenTrainer, spokenNormalizer)},
		{"field of a piece", "a piece has the unknown field 4", aModel([][]byte{spoken(spokenField{1, "x"}, spokenField{4, uint64(1)})}, spokenTrainer, spokenNormalizer)},
		{"field of the model", "the model has the unknown field 6", aModel(nil, spokenTrainer, spokenNormalizer, spokenField{6, "x"})},
		{"field of the normalizer", "normalizer_spec has the unknown field 7", aModel(nil, spokenTrainer, with(spokenNormalizer, spokenField{7, "x"}))},
		{"wire type", "its score (field 2) is of wire type 2", aModel([][]byte{spoken(spokenField{1, "x"}, spokenField{2, "x"})}, spokenTrainer, spokenNormalizer)},
		{"cut", "is damaged at byte", whole[:len(whole)-3]},
		{"cut at a message", "remove_extra_whitespaces is true", aModel(nil, spokenTrainer, nil)},
		{"nothing", "the model is of type unigram", nil},
		{"no protobuf", "is damaged at byte 0", []byte("{}")},
		{"tiktoken", "it is a list of tiktoken", []byte("IQ== 0\nIg== 1\n")},
	} {
		_, err := loadPieces(f.model, &config{})
		if err == nil || !strings.Contains(err.Error(), f.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %q", f.name, err, f.want)
		}
	}
}

// FuzzSentencePiece checks that no file makes the reader panic or ask for much memory, and that
// what it accepts encodes any text so that it comes back.
func FuzzSentencePiece(f *testing.F) {
	f.Add(aModel(nil, spokenTrainer, spokenNormalizer), " ab  aé")
	f.Add(aModel([][]byte{aPiece("aab", -9, 1), aPiece("aba", -9, 1)}, spokenTrainer, append(slices.Clone(spokenNormalizer), spokenField{3, uint64(0)})), "abab")
	f.Add([]byte("IQ== 0\n"), "x")
	f.Fuzz(func(t *testing.T, model []byte, text string) {
		tok, err := loadPieces(model, &config{})
		if err != nil {
			if strings.Contains(err.Error(), "\n") || len(err.Error()) > 400 {
				t.Errorf("an error of several lines or %d bytes: %.400q", len(err.Error()), err)
			}
			return
		}
		ids, err := tok.Encode(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := tok.Decode(ids), strings.ReplaceAll(text, spaceMark, " "); got != want {
			t.Errorf("%q comes back as %q", want, got)
		}
	})
}
