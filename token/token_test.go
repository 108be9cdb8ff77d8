package token

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// TestRoundTrip states the contract of both kinds: decoding what was encoded
// gives the same string, ids are inside the vocabulary, and characters are
// numbered in the order of their code points.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(1, 80, -1).Draw(t, "text")
		chars, err := NewChars(text)
		if err != nil {
			t.Fatal(err)
		}
		ids, err := chars.Encode(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := chars.Check(ids); err != nil {
			t.Fatal(err)
		}
		if got := chars.Decode(ids); got != text {
			t.Fatalf("characters: %q came back as %q", text, got)
		}
		runes := []rune(text)
		if len(ids) != len(runes) {
			t.Fatalf("%d ids for %d characters", len(ids), len(runes))
		}
		slices.Sort(runes)
		runes = slices.Compact(runes)
		if chars.Vocab() != len(runes) {
			t.Fatalf("vocabulary of %d for %d distinct characters", chars.Vocab(), len(runes))
		}
		for i, r := range runes {
			if chars.Token(int32(i)) != string(r) {
				t.Fatalf("id %d is %q, want %q", i, chars.Token(int32(i)), r)
			}
		}

		raw := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		ids, err = NewBytes().Encode(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := NewBytes().Decode(ids); got != raw || len(ids) != len(raw) {
			t.Fatalf("bytes: %q came back as %q", raw, got)
		}
	})
}

// TestStream feeds any bytes, token by token: every piece that comes out
// is UTF-8, and together they are the text, with U+FFFD for what is not UTF-8.
func TestStream(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := string(rapid.SliceOf(rapid.SampledFrom([]byte("az\n\x80\xbf\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xff\xed\xa0"))).Draw(t, "bytes"))
		ids, err := NewBytes().Encode(raw)
		if err != nil {
			t.Fatal(err)
		}
		s := NewBytes().Stream()
		var got strings.Builder
		for i := 0; i <= len(ids); i++ {
			piece := s.Flush
			if i < len(ids) {
				piece = func() string { return s.Next(ids[i]) }
			}
			p := piece()
			if !utf8.ValidString(p) {
				t.Fatalf("piece %d of %q is %q", i, raw, p)
			}
			got.WriteString(p)
		}
		if want := string([]rune(raw)); got.String() != want {
			t.Fatalf("%q streamed as %q, want %q", raw, got.String(), want)
		}
	})
}

// TestStreamIsPrompt checks that a character comes out with its last byte, not later.
func TestStreamIsPrompt(t *testing.T) {
	s := NewBytes().Stream()
	var got []string
	for _, b := range []byte("a€é") {
		got = append(got, s.Next(int32(b)))
	}
	if want := []string{"a", "", "", "€", "", "é"}; !slices.Equal(got, want) {
		t.Errorf("pieces %q, want %q", got, want)
	}
}

func TestUnknownCharacter(t *testing.T) {
	tok, err := NewChars("ab\nc")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text         string
		char         rune
		offset, line int
	}{
		{"abd", 'd', 2, 1},
		{"a\nb\ncé", 'é', 5, 3},
		{"a\ufffd", '\ufffd', 1, 1},
	} {
		_, err := tok.Encode(c.text)
		u, ok := errors.AsType[*unknownError](err)
		if !ok || u.Char != c.char || u.Offset != c.offset || u.Line != c.line {
			t.Errorf("Encode(%q) = %v, want character %q at byte %d, line %d", c.text, err, c.char, c.offset, c.line)
			continue
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("more than one line: %q", err)
		}
	}
	for _, text := range []string{"ab\xff", "a\n\xffa"} {
		_, err := tok.Encode(text)
		bad, ok := errors.AsType[*utf8Error](err)
		if !ok || bad.Byte != 0xff || bad.Offset != strings.IndexByte(text, 0xff) {
			t.Errorf("Encode(%q) = %v", text, err)
		}
	}
}

func TestNewCharsRefuses(t *testing.T) {
	if _, err := NewChars(""); err == nil {
		t.Error("an empty text was accepted")
	}
	_, err := NewChars("one\ntwo \xc3")
	if bad, ok := errors.AsType[*utf8Error](err); !ok || bad.Offset != 8 || bad.Line != 2 {
		t.Errorf("half a character: %v", err)
	}
	if tok, err := NewChars("\ufffd"); err != nil || tok.Vocab() != 1 {
		t.Errorf("U+FFFD written out is a character like any other: %v", err)
	}
}

func TestOutsideTheVocabulary(t *testing.T) {
	tok, err := NewChars("abc")
	if err != nil {
		t.Fatal(err)
	}
	if err := tok.Check([]int32{0, 2}); err != nil {
		t.Error(err)
	}
	for _, id := range []int32{-1, 3} {
		if tok.Check([]int32{0, id}) == nil {
			t.Errorf("Check accepts id %d of 3", id)
		}
		for name, f := range map[string]func(){
			"Token":  func() { tok.Token(id) },
			"Decode": func() { tok.Decode([]int32{0, id}) },
			"Stream": func() { tok.Stream().Next(id) },
		} {
			func() {
				defer func() {
					if r, _ := recover().(string); !strings.Contains(r, "outside the vocabulary of 3") {
						t.Errorf("%s(%d) panicked with %q", name, id, r)
					}
				}()
				f()
			}()
		}
	}
}
