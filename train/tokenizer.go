package train

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/pedestrian-ml/pedestrian/token"
)

// GPT2 is the value of Options.Tokenizer for GPT-2's tokenizer, which is built in.
const GPT2 = "gpt2"

// checkTokenizer returns an error if name is not the name of a tokenizer, does not look like a
// path, and is not the path of a file: it is probably a misspelt name.
func checkTokenizer(name string) error {
	switch name {
	case token.Chars, token.Bytes, GPT2:
		return nil
	}
	if strings.ContainsAny(name, `/\`) || strings.HasSuffix(name, ".json") {
		return nil
	}
	if _, err := os.Stat(name); err == nil && name != "" {
		return nil
	}
	return fmt.Errorf("unknown tokenizer %q: choose chars, bytes, gpt2, or the path of a tokenizer.json or of a directory with one, such as ./tokens/", name)
}

// OpenTokenizer returns the tokenizer with the given name: "gpt2", "bytes", or the path of a
// tokenizer.json or of a directory with one. A tokenizer of characters depends on a text;
// [token.NewChars] makes it.
func OpenTokenizer(name string) (*token.Tokenizer, error) {
	switch name {
	case token.Bytes:
		return token.NewBytes(), nil
	case GPT2:
		return token.GPT2(), nil
	case token.Chars:
		return nil, errors.New("the characters of which text? Give the path of the tokenizer.json of a run that was trained with --tokenizer chars")
	}
	return token.Load(name)
}

// tokenizer returns the tokenizer that o names; a tokenizer of characters has those of text.
func (o Options) tokenizer(text string) (*token.Tokenizer, error) {
	if o.Tokenizer == token.Chars {
		return token.NewChars(text)
	}
	return OpenTokenizer(o.Tokenizer)
}
