package token

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"
)

// FuzzEncode checks that any bytes come back, that a text encoded in chunks is the text
// encoded at once, and that tokens are inside the vocabulary.
func FuzzEncode(f *testing.F) {
	for _, s := range []string{"", "It's the cat's.\n\n  We'LL see", "caf\xe9 \xff\xfe \xe2\x80", "日本語 👩🏽‍🚀 ½ ١٢٣\u00a0x", strings.Repeat("ab", 40)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		g := GPT2()
		ids, err := g.Encode(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := g.Check(ids); err != nil {
			t.Fatal(err)
		}
		if got := g.Decode(ids); got != s {
			t.Fatalf("%q came back as %q", s, got)
		}
		marked, err := g.EncodeMarkup(s)
		if err != nil || g.Decode(marked) != s {
			t.Fatalf("%q came back as %q, %v", s, g.Decode(marked), err)
		}
		if at := SplitGPT2.safeCut(s, len(s)/2); at < len(s) {
			left, _ := g.Encode(s[:at])
			right, _ := g.Encode(s[at:])
			if !slices.Equal(slices.Concat(left, right), ids) {
				t.Fatalf("%q cut at %d is %v and %v, not %v", s, at, left, right, ids)
			}
		}
		if want := slowly(g, s); !slices.Equal(ids, want) {
			t.Fatalf("%q is %v, not %v", s, ids, want)
		}
	})
}

// slowly joins, in each word, the leftmost of the neighbours with the lowest rank
// until there is none: the definition.
func slowly(t *Tokenizer, s string) []int32 {
	var all []int32
	for len(s) > 0 {
		end := classes().wordEnd(s, 0)
		var ids []int32
		for i := range end {
			ids = append(ids, t.bpe.bytes[s[i]])
		}
		for {
			best, at, made := int32(noRank), none, int32(none)
			for i := range len(ids) - 1 {
				if rank, id := t.bpe.pairs.get(ids[i], ids[i+1]); id != none && rank < best {
					best, at, made = rank, i, id
				}
			}
			if at == none {
				break
			}
			ids = slices.Replace(ids, at, at+2, made)
		}
		all, s = append(all, ids...), s[end:]
	}
	return all
}

// TestEncodeIsTheDefinition draws words of all lengths, over the boundary between the
// two ways of merging.
func TestEncodeIsTheDefinition(t *testing.T) {
	for _, tok := range []*Tokenizer{GPT2(), learntFrom(t, "aaaa abab abba bbbb aab abb", 300)} {
		rapid.Check(t, func(t *rapid.T) {
			s := rapid.StringOfN(rapid.SampledFrom([]rune("aabbcé '\n今")), 0, 80, -1).Draw(t, "s")
			if got, _ := tok.Encode(s); !slices.Equal(got, slowly(tok, s)) || tok.Decode(got) != s {
				t.Fatalf("%q is %v, not %v", s, got, slowly(tok, s))
			}
		})
	}
}

func learntFrom(t *testing.T, text string, vocab int) *Tokenizer {
	t.Helper()
	tok, err := TrainBPE(slices.Values([]string{text}), TrainOptions{Vocab: vocab})
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// TestParallelIsTheSame encodes a text of many chunks at once and word by word.
func TestParallelIsTheSame(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for b.Len() < 8*chunkBytes {
		b.WriteString(golden().Strings[r.IntN(len(golden().Strings))])
		if r.IntN(3) == 0 {
			b.WriteString([]string{" ", "\n", "  \n ", "\xff", "\u3000", "\u00a0 "}[r.IntN(6)])
		}
	}
	text := b.String()
	whole, err := parse([]byte(strings.NewReplacer(`"he y"`, `"y Ġ"`, `"hey"`, `"yĠ"`, `"use_regex":true},"post`, `"use_regex":false},"post`).Replace(small(t))))
	if err != nil {
		t.Fatal(err)
	}
	if ids, _ := whole.Encode("y y"); len(ids) != 2 || whole.bpe.split != SplitNone {
		t.Fatal("the space is not joined to what is before it", ids)
	}
	text += strings.Repeat("y ", 2*chunkBytes)
	for _, tok := range []*Tokenizer{GPT2(), learntFrom(t, text[:4000], 600), whole, familyOf("llama3"), familyOf("smollm2"), familyOf("llama2")} {
		ids, _ := tok.Encode(text)
		e, from := tok.bpe.encoders.Get().(*encoder), text
		if tok.bpe.pieces != nil {
			from = " " + text
		}
		if !slices.Equal(ids, e.append(nil, from)) {
			t.Error("another result in chunks")
		}
		if tok.Decode(ids) != text {
			t.Error("the text did not come back")
		}
	}
}

// TestSafeCut cuts strings at every place that is called safe, with each way to divide a
// text: the tokens of the parts are those of the whole.
func TestSafeCut(t *testing.T) {
	toks := map[string]*Tokenizer{"gpt2": GPT2()}
	for _, f := range families().Families {
		toks[f.Name] = f.tok
	}
	for name, tok := range toks {
		e := tok.bpe.encoders.Get().(*encoder)
		cuts := 0
		for i, s := range golden().Strings {
			s += golden().Strings[(i*7)%len(golden().Strings)] + "\xff \xe2\x80 \u3000 x!\n\n y\u2581 z"
			if len(s) > 400 {
				continue
			}
			want := e.append(nil, s)
			for i := range s {
				if tok.bpe.safeCut(s, i) != i {
					continue
				}
				cuts++
				if got := e.append(e.append(nil, s[:i]), s[i:]); !slices.Equal(got, want) {
					t.Fatalf("%s: %q cut at %d is %v, not %v", name, s, i, got, want)
				}
			}
		}
		if cuts < 2000 {
			t.Errorf("%s: %d cuts: the strings have few safe places", name, cuts)
		}
	}
}

// TestLinearTime encodes texts that make careless tokenizers take quadratic time, which
// for a MiB is minutes: each takes less than a second on a quiet machine, and the limit
// leaves room for a busy one. How the time grows is logged.
func TestLinearTime(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	random := make([]byte, 1<<20)
	for i := range random {
		random[i] = byte(r.Uint32())
	}
	whole := learntFrom(t, "aaaa aaaaaaaa abab", 300)
	whole.bpe.split = SplitNone
	took := func(tok *Tokenizer, unit string, n, times int) time.Duration {
		text := strings.Repeat(unit, n/len(unit)+1)[:n]
		best := time.Hour
		for range times {
			start := time.Now()
			ids, _ := tok.Encode(text)
			best = min(best, time.Since(start))
			if tok.bpe.nfc {
				text = composeText(text)
			}
			if tok.Decode(ids) != text && !strings.Contains(unit, "\u2581") {
				t.Fatalf("%.20q… did not come back", text)
			}
		}
		return best
	}
	for _, c := range []struct {
		name string
		tok  *Tokenizer
		unit string
	}{
		{"a", GPT2(), "a"}, {"^", GPT2(), "^"}, {"digits", GPT2(), "7"}, {"zeros", GPT2(), "\x00"}, {"han", GPT2(), "今"},
		{"blanks", GPT2(), " "}, {"line ends", GPT2(), "\n"}, {"kinds of blanks", GPT2(), "\u2003\t"}, {"joiners", GPT2(), "\u200d"},
		{"emoji", GPT2(), "👩🏽‍🚀"}, {"random bytes", GPT2(), string(random)}, {"not split", whole, "ab a"},
		{"llama3 blanks", familyOf("llama3"), " \n\u3000"}, {"llama3 symbols", familyOf("llama3"), "!\n"}, {"llama3 digits", familyOf("llama3"), "7"},
		{"smollm2 digits", familyOf("smollm2"), "7 "}, {"smollm2 blanks", familyOf("smollm2"), " "},
		{"qwen2 marks", familyOf("qwen2"), "\u0301\u0316"}, {"qwen2 letters", familyOf("qwen2"), "e\u0301"}, {"qwen2 jamo", familyOf("qwen2"), "\u1112\u1161\u11ab"},
		{"llama2 letters", familyOf("llama2"), "the"}, {"llama2 blanks", familyOf("llama2"), " "}, {"llama2 marks", familyOf("llama2"), "\u2581"},
		{"llama2 han", familyOf("llama2"), "今"}, {"llama2 random bytes", familyOf("llama2"), string(random)},
		{"strip", familyOf("bytes+added"), "<mask> "}, {"strip blanks", familyOf("bytes+added"), "  "}, {"words", familyOf("bytes+added"), "cat"},
	} {
		small, large := took(c.tok, c.unit, 1<<16, 2), took(c.tok, c.unit, 1<<19, 1)
		t.Logf("%-16s %6v for half a MiB, %4.1f times as long as an eighth", c.name, large.Round(time.Millisecond), float64(large)/float64(small))
		if large > time.Minute {
			t.Errorf("%s: %v for half a MiB, %v for an eighth", c.name, large, small)
		}
	}
}

// TestCacheIsBounded encodes more different words than are remembered.
func TestCacheIsBounded(t *testing.T) {
	e := &encoder{b: GPT2().bpe, classes: classes()}
	c := &e.cache
	r := rand.New(rand.NewPCG(5, 6))
	for range 3 * cachedWords {
		word := make([]byte, 1+r.IntN(8))
		for i := range word {
			word[i] = 'a' + byte(r.IntN(26))
		}
		text := " " + string(word)
		if ids := e.append(nil, text); !slices.Equal(ids, slowly(GPT2(), text)) {
			t.Fatalf("%q is %v", text, ids)
		}
		if c.count > cachedWords || len(c.slots) > 2*cachedWords || len(c.tokens) > cachedWords*cachedWord || len(c.text) > cachedWords*cachedWord {
			t.Fatalf("%d words of %d bytes in %d slots, %d tokens are remembered", c.count, len(c.text), len(c.slots), len(c.tokens))
		}
	}
	words, tokens, text := 0, 0, 0
	for _, s := range c.slots {
		if s.length > 0 {
			words, tokens, text = words+1, tokens+int(s.to-s.from), text+int(s.length)
		}
	}
	if words != c.count || tokens != len(c.tokens) || text != len(c.text) {
		t.Errorf("%d words, %d tokens and %d bytes are remembered, of which %d, %d and %d belong to words", c.count, len(c.tokens), len(c.text), words, tokens, text)
	}
}

// TestClasses compares the pinned classes with package unicode where it knows the
// character: there a later Unicode may not have changed it.
func TestClasses(t *testing.T) {
	unassigned := func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.Cc, unicode.Cf, unicode.Cs, unicode.Co)
	}
	differ := map[class]int{}
	for r := rune(0); r <= unicode.MaxRune; r++ {
		want := symbol
		switch {
		case unicode.IsLetter(r):
			want = letter
		case unicode.IsNumber(r):
			want = number
		case unicode.IsSpace(r):
			want = space
		}
		if got := classes().of(r); got != want {
			if !unassigned(r) && unicode.Version <= "16.0.0" {
				t.Errorf("%U is of class %d, package unicode says %d", r, got, want)
			}
			differ[got]++
		}
	}
	if unicode.Version == "15.0.0" && (differ[letter] != 4924 || differ[number] != 80 || len(differ) != 2) {
		t.Errorf("%v code points differ from Unicode 15.0; classes.go says 4,924 letters and 80 numbers", differ)
	}
}

func BenchmarkEncode(b *testing.B) {
	text := strings.Repeat("It was the king's boat that carried 1,024 stars, and nobody doesn't see the river.\n", 20000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		GPT2().Encode(text)
	}
}
