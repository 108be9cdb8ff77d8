package token

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// families are small tokenizers of the families of the Llamas, and digests of how Hugging
// Face's library cuts strings with them: see testdata/families.py.
type familyGold struct {
	Contexts []string
	Pools    [][]string
	Count    int // strings for each tokenizer
	Block    int // strings of a digest
	Families []*family
}

type family struct {
	Name      string
	Tokenizer json.RawMessage
	First     int      // the first string
	IDs       []string // SHA-256 of the ids of the strings of a block, 8 bytes
	Texts     []string // the same of the texts that the ids are decoded to; none where the library shows added tokens in another form
	Scores    []float32

	tok *Tokenizer
}

var families = sync.OnceValue(func() (g familyGold) {
	if err := json.Unmarshal(unzip("testdata/families.json.gz"), &g); err != nil {
		panic(err)
	}
	for _, f := range g.Families {
		tok, err := parse(f.Tokenizer)
		if err != nil {
			panic(f.Name + ": " + err.Error())
		}
		f.tok = tok
	}
	return g
})

// familyOf returns one of the tokenizers.
func familyOf(name string) *Tokenizer {
	for _, f := range families().Families {
		if f.Name == name {
			return f.tok
		}
	}
	panic("no family " + name)
}

// splitMix is the generator SplitMix64.
type splitMix uint64

func (s *splitMix) next(n int) int {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return int((z ^ z>>31) % uint64(n))
}

func surrogate16(c int) bool { return c >= 0xd800 && c < 0xe000 }

// string is the string i for a tokenizer with these added tokens: the function of the same
// name in testdata/families.py.
func (g *familyGold) string(i int, added []string) string {
	r := splitMix(i)
	var out strings.Builder
	if i < 0x110000/32 {
		for c := 32 * i; c < 32*i+32; c++ {
			out.WriteString(g.Contexts[r.next(len(g.Contexts))])
			if !surrogate16(c) {
				out.WriteRune(rune(c))
			}
		}
		return out.String()
	}
	mine := make([]int, 1+r.next(4))
	for k := range mine {
		mine[k] = r.next(len(g.Pools) + 2)
	}
	for range 1 + r.next(12) {
		which := mine[r.next(len(mine))]
		if r.next(8) == 0 {
			which = len(g.Pools) + r.next(2)
		}
		var s string
		switch {
		case which < len(g.Pools):
			s = g.Pools[which][r.next(len(g.Pools[which]))]
		case which == len(g.Pools):
			s = "x"
			if c := r.next([]int{0x250, 0x3000, 0x10000, 0x110000}[r.next(4)]); !surrogate16(c) {
				s = string(rune(c))
			}
		default:
			s = added[r.next(len(added))]
		}
		if r.next(16) == 0 {
			s = strings.Repeat(s, 1+r.next(40))
		}
		out.WriteString(s)
	}
	return out.String()
}

// encodeFamily encodes string i: in strings of even number special tokens are plain text.
func encodeFamily(tok *Tokenizer, i int, s string) []int32 {
	if i%2 == 0 {
		ids, _ := tok.Encode(s)
		return ids
	}
	ids, _ := tok.EncodeMarkup(s)
	return ids
}

// TestFamilies cuts strings with the tokenizer of each family, and with variants of these, as
// the reference does: in the long tier more than 100,000 with each family and 24,000 with a
// variant, in the quick one a quarter of them, another quarter with each. They have all code
// points, marks, digits, blanks and line ends, apostrophes, long runs, and added tokens that
// touch other text.
func TestFamilies(t *testing.T) {
	g := families()
	for which, f := range g.Families {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			if f.First == 0 && g.Count < 100_000 || g.Count-f.First < 20_000 || len(f.IDs) != (g.Count-f.First)/g.Block {
				t.Fatalf("%d strings from %d on, %d digests", g.Count, f.First, len(f.IDs))
			}
			var added []string
			for _, a := range f.tok.Added() {
				added = append(added, a.Text)
			}
			for block := range f.IDs {
				if !longTier && block%4 != which%4 {
					continue
				}
				ids, texts := sha256.New(), sha256.New()
				for i := f.First + block*g.Block; i < f.First+(block+1)*g.Block; i++ {
					s := g.string(i, added)
					a := encodeFamily(f.tok, i, s)
					ids.Write(littleEndian(a))
					ids.Write([]byte("\xff\xff\xff\xff"))
					texts.Write([]byte(f.tok.Decode(a)))
					texts.Write([]byte("\xff"))
				}
				if got := hex.EncodeToString(ids.Sum(nil)[:8]); got != f.IDs[block] {
					t.Errorf("strings %d to %d have other ids than in the reference", f.First+block*g.Block, f.First+(block+1)*g.Block-1)
				}
				if got := hex.EncodeToString(texts.Sum(nil)[:8]); len(f.Texts) > 0 && got != f.Texts[block] {
					t.Errorf("strings %d to %d are decoded to other texts than in the reference", f.First+block*g.Block, f.First+(block+1)*g.Block-1)
				}
			}
		})
	}
}

// TestFamilyIDs has the ids of strings that a person can read, with the tokens around a text.
func TestFamilyIDs(t *testing.T) {
	data, err := os.ReadFile("testdata/families_ids.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases [][2]json.RawMessage
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 100 {
		t.Fatalf("%d strings", len(cases))
	}
	for _, c := range cases {
		var s string
		var want map[string][]int32
		if err := json.Unmarshal(c[0], &s); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(c[1], &want); err != nil {
			t.Fatal(err)
		}
		for _, f := range families().Families {
			before, after := f.tok.Around()
			ids, err := f.tok.EncodeMarkup(s)
			if got := slices.Concat(before, ids, after); err != nil || !slices.Equal(got, want[f.Name]) || len(got) == 0 {
				t.Errorf("%s: %q is %s, not %s (%v)", f.Name, s, spelledOut(f.tok, got), spelledOut(f.tok, want[f.Name]), err)
			}
		}
	}
}

// spelledOut shows tokens.
func spelledOut(t *Tokenizer, ids []int32) string {
	var parts []string
	for _, id := range ids {
		parts = append(parts, t.Spelling(id))
	}
	return strings.Join(parts, "|")
}

// FuzzFamilies: any bytes are encoded and come back; cut at a place that is safe, with the
// same tokens; as a user's text without special tokens; streamed as whole characters.
func FuzzFamilies(f *testing.F) {
	for _, s := range []string{"", "It'ſ 1234  5\n\n x", "caf\xe9 \xff\xfe \xe2\x80 e\u0301", " ▁<s>cat <mask> l r</s>", strings.Repeat("ab", 40), "<|im_end|>  <0x41>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, f := range families().Families {
			ids, err := f.tok.Encode(s)
			if err != nil || f.tok.Check(ids) != nil || slices.ContainsFunc(ids, f.tok.IsSpecial) {
				t.Fatalf("%s: %q is %v, %v", f.Name, s, ids, err)
			}
			marked, _ := f.tok.EncodeMarkup(s)
			for _, ids := range [][]int32{ids, marked} {
				var streamed strings.Builder
				stream := f.tok.Stream()
				for _, id := range ids {
					streamed.WriteString(stream.Next(id))
				}
				streamed.WriteString(stream.Flush())
				if got, want := streamed.String(), string([]rune(f.tok.Decode(ids))); got != want {
					t.Fatalf("%s: %q is streamed as %q, not %q", f.Name, s, got, want)
				}
			}
			e := f.tok.bpe.encoders.Get().(*encoder)
			if at := f.tok.bpe.safeCut(s, len(s)/2); !slices.Equal(e.append(e.append(nil, s[:at]), s[at:]), e.append(nil, s)) {
				t.Fatalf("%s: %q cut at %d has other tokens", f.Name, s, at)
			}
			f.tok.bpe.encoders.Put(e)
			if len(f.tok.Added()) > 10 || f.tok.bpe.nfc || f.tok.bpe.pieces != nil {
				continue // white space is taken, characters are composed, spaces are put
			}
			if got := f.tok.Decode(ids); got != s {
				t.Fatalf("%s: %q comes back as %q", f.Name, s, got)
			}
		}
	})
}

// BenchmarkFamilies encodes English with the tokenizers of the families, on one thread: again
// and again the same text, of which all words are known; and each time as the first text.
func BenchmarkFamilies(b *testing.B) {
	data, err := os.ReadFile("../corpus/samples/shakespeare-excerpt.txt")
	if err != nil {
		b.Fatal(err)
	}
	text := string(data)
	for _, name := range []string{"llama3", "qwen2", "smollm2", "llama2", "mistral"} {
		tok := familyOf(name)
		for _, how := range []string{"again", "first"} {
			b.Run(name+"/"+how, func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					if how == "first" {
						tok.bpe.encoders = sync.Pool{New: tok.bpe.encoders.New}
					}
					tok.Encode(text)
				}
			})
		}
		b.Run(name+"/decode", func(b *testing.B) {
			ids, _ := tok.Encode(text)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				tok.Decode(ids)
			}
		})
	}
}
