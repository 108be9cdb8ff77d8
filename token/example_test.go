package token_test

import (
	"fmt"
	"slices"
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

func ExampleGPT2() {
	t := token.GPT2()
	ids, _ := t.Encode("The king's unbelievable hat")
	for _, id := range ids {
		fmt.Printf("%d %q, ", id, t.Token(id))
	}
	eos, _ := t.EOS()
	fmt.Println("end", eos)
	// What special tokens are written as is text, unless the program wrote it.
	text, _ := t.Encode("<|endoftext|>")
	mark, _ := t.EncodeMarkup("<|endoftext|>")
	fmt.Println(len(text), mark)
	// Output:
	// 464 "The", 5822 " king", 338 "'s", 24479 " unbelievable", 6877 " hat", end 50256
	// 7 [50256]
}

func ExampleTrainBPE() {
	texts := slices.Values([]string{"low low low low low lower lower newest newest newest widest widest"})
	t, err := token.TrainBPE(texts, token.TrainOptions{Vocab: 268, MinCount: 2, Specials: []string{"<|endoftext|>"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%q\n", t.Merges())
	ids, _ := t.Encode("lowest newest")
	for _, id := range ids {
		fmt.Printf("%q ", t.Token(id))
	}
	// Output:
	// ["l o" "lo w" "Ġ low" "e s" "es t" "e w" "n ew" "Ġ new" "Ġnew est" "d est" "e r"]
	// "low" "est" " newest"
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
