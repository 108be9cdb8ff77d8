package token

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/pedestrian-ml/pedestrian/internal/growth"
)

// bytesBPE begins a tokenizer.json with a token for each byte; what is added goes between.
func bytesBPE(added, vocab, merges string) []byte {
	var b bytes.Buffer
	b.WriteString(`{"version":"1.0","added_tokens":[` + added + `],"normalizer":null,"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},"decoder":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{`)
	for id := range 256 {
		if id > 0 {
			b.WriteByte(',')
		}
		writeJSON(&b, toByteLevel(string([]byte{byte(id)})))
		fmt.Fprintf(&b, ":%d", id)
	}
	b.WriteString(vocab + `},"merges":[` + merges + `]}}`)
	return b.Bytes()
}

// TestTokenizersAreLinear: files with much of one thing. Their time and their memory grow
// with them.
func TestTokenizersAreLinear(t *testing.T) {
	files := map[string]func(n int) []byte{
		"merges": func(n int) []byte { // each a token of before with a letter
			var vocab, merges strings.Builder
			rnd := rand.New(rand.NewPCG(1, 2))
			words := strings.Split("abcdefghijklmnopqrstuvwxyz", "")
			known := map[string]bool{}
			for id := 256; id < 256+n; {
				left, right := words[rnd.IntN(len(words))], words[rnd.IntN(26)]
				if word := left + right; !known[word] {
					known[word] = true
					words = append(words, word)
					fmt.Fprintf(&vocab, `,"%s":%d`, word, id)
					fmt.Fprintf(&merges, `,"%s %s"`, left, right)
					id++
				}
			}
			return bytesBPE("", vocab.String(), merges.String()[1:])
		},
		"added tokens": func(n int) []byte {
			var added strings.Builder
			for i := range n {
				fmt.Fprintf(&added, `{"id":%d,"content":"<|%d|>","special":true},`, 256+i, i)
			}
			return bytesBPE(strings.TrimSuffix(added.String(), ","), "", "")
		},
		"long added tokens": func(n int) []byte { // that have next to nothing in common
			var added strings.Builder
			rnd := rand.New(rand.NewPCG(1, 2))
			for i := range n / 16 {
				text := make([]byte, 4000)
				for j := range text {
					text[j] = 'a' + byte(rnd.IntN(26))
				}
				fmt.Fprintf(&added, `{"id":%d,"content":"%s","normalized":true},`, 256+i, text)
			}
			return bytesBPE(strings.TrimSuffix(added.String(), ","), "", "")
		},
		"vocabulary of characters": func(n int) []byte {
			var vocab bytes.Buffer
			for i := range n {
				writeJSON(&vocab, string(rune(0x10000+i)))
				vocab.WriteByte(',')
			}
			return []byte(`{"format":"pedestrian-tokenizer","version":1,"kind":"chars","vocab":[` + strings.TrimSuffix(vocab.String(), ",") + `]}`)
		},
		"blanks": func(n int) []byte { return append(bytesBPE("", "", ""), bytes.Repeat([]byte(" "), 64*n)...) },
		"nesting": func(n int) []byte {
			return []byte(`{"version":"1.0","truncation":` + strings.Repeat("[", n) + strings.Repeat("]", n) + "}")
		},
		"escapes": func(n int) []byte { return []byte(`{"format":"` + strings.Repeat(`\ud83d\ude00`, n) + `"}`) },
	}
	for name, file := range files {
		t.Run(name, func(t *testing.T) {
			growth.Linear(t, 256, func(n int) func() {
				data := file(n)
				return func() { parse(data) }
			})
		})
	}
	// What is done with them must be parsed, and not refused for another reason.
	for _, name := range []string{"merges", "added tokens", "long added tokens", "vocabulary of characters", "blanks"} {
		if _, err := parse(files[name](512)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Run("configuration", func(t *testing.T) {
		growth.Linear(t, 256, func(n int) func() {
			var names, decoder []string
			for i := range n {
				names = append(names, fmt.Sprintf(`"<|extra %d|>"`, i))
				decoder = append(decoder, fmt.Sprintf(`"%d":{"content":"<|extra %d|>","special":true}`, 300+i, i))
			}
			fsys := fstest.MapFS{
				tokenizerFile: {Data: bytesBPE("", "", "")},
				configFile:    {Data: []byte(`{"additional_special_tokens":[` + strings.Join(names, ",") + `],"added_tokens_decoder":{` + strings.Join(decoder, ",") + `}}`)},
			}
			return func() { LoadFS(fsys) }
		})
	})
}

// TestPairsAreSpread: merges that go to one place of the table under one multiplier are
// spread under others: 20,000 pairs, chosen for the golden ratio's, are found with a few
// looks each.
func TestPairsAreSpread(t *testing.T) {
	const n = 20_000
	p := newPairs(n)
	again := newPairs(n)
	if p.multiplier == again.multiplier {
		t.Fatal("two tables have one multiplier")
	}
	p.multiplier = 0x9e3779b97f4a7c15
	var bad [][2]int32
	for left := int32(0); len(bad) < n; left++ {
		for right := int32(0); right < 1<<12 && len(bad) < n; right++ {
			if p.hash(left, right) < 8 {
				bad = append(bad, [2]int32{left, right})
			}
		}
	}
	looks := 0
	for rank, b := range bad {
		again.put(b[0], b[1], int32(rank), int32(rank))
	}
	for _, b := range bad {
		at := again.hash(b[0], b[1])
		for i := at; ; i++ {
			looks++
			if s := again.slots[i&uint64(len(again.slots)-1)]; s.left == b[0] && s.right == b[1] {
				break
			}
		}
	}
	if looks > 20*n {
		t.Errorf("%d looks for %d pairs", looks, n)
	}
}

// TestTrie: the longest token at each place, against a search through the list.
func TestTrie(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	word := func(most int) string {
		b := make([]byte, 1+rnd.IntN(most))
		for i := range b {
			b[i] = 'a' + byte(rnd.IntN(3))
		}
		return string(b)
	}
	for range 300 {
		var added []Added
		for range 1 + rnd.IntN(30) {
			added = append(added, Added{Text: word(6)})
		}
		f := (&bpe{added: added}).newFinder()
		for range 50 {
			text := word(12)
			best, length := 0, 0
			for i, a := range added {
				if strings.HasPrefix(text, a.Text) && len(a.Text) >= length { // of equal ones the last
					best, length = i+1, len(a.Text)
				}
			}
			if at, n := f[0].match(text); at != best || n != length {
				t.Fatalf("%q in %v: token %d of %d bytes, want %d of %d", text, added, at, n, best, length)
			}
			if begins := slices.ContainsFunc(added, func(a Added) bool { return a.Text[0] == text[0] }); begins != f[0].begin[text[0]] {
				t.Fatalf("%q: begins %v", text, !begins)
			}
		}
	}
}
