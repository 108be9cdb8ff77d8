package token_test

import (
	"fmt"
	"strings"

	"github.com/pedestrian-ml/pedestrian/token"
)

func ExampleNewChars() {
	t, err := token.NewChars("abracadabra")
	if err != nil {
		fmt.Println(err)
		return
	}
	ids, _ := t.Encode("cab")
	fmt.Println(t.Vocab(), ids, t.Decode(ids))
	_, err = t.Encode("cab, please")
	fmt.Println(err)
	// Output:
	// 5 [2 0 1] cab
	// character ',' (U+002C) at byte 3, line 1, is not among the 5 characters of the vocabulary: take it out, or use bytes, which can encode any text
}

func ExampleTokenizer_Stream() {
	t := token.NewBytes()
	s := t.Stream()
	var pieces []string
	for _, b := range []byte("né 5€") {
		pieces = append(pieces, s.Next(int32(b)))
	}
	fmt.Println(strings.Join(pieces, "|") + s.Flush())
	// Output: n||é| |5|||€
}

func ExampleTokenizer_MarshalJSON() {
	t, _ := token.NewChars("hello")
	data, _ := t.MarshalJSON()
	fmt.Println(string(data))
	// Output: {"format":"pedestrian-tokenizer","version":1,"kind":"chars","vocab":["e","h","l","o"]}
}
