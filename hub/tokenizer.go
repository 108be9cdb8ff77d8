package hub

import (
	"io"

	"github.com/pedestrian-ml/pedestrian/token"
)

// ownTokenizer holds a tokenizer that Hugging Face's library has no form for: the
// characters of a text, or the bytes.
const ownTokenizer = "pedestrian_tokenizer.json"

// tokenizerFiles are the files that hold t; none when it is nil.
func tokenizerFiles(t *token.Tokenizer, context int) ([]outFile, error) {
	if t == nil {
		return nil, nil
	}
	own, err := t.MarshalJSON()
	if err != nil {
		return nil, err
	}
	name := ownTokenizer
	if t.Kind() != token.Chars && t.Kind() != token.Bytes {
		name = "tokenizer.json"
	}
	return []outFile{{name, func(w io.Writer) error {
		_, err := w.Write(append(own, '\n'))
		return err
	}}}, nil
}
