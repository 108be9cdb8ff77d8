package corpus

import "github.com/pedestrian-ml/pedestrian/token"

// A Span is a run of tokens that are all learnt, or all not learnt.
type Span struct {
	Text   string `json:"text"`   // the decoded tokens
	Tokens int    `json:"tokens"` // their number
	Learn  bool   `json:"learn"`  // whether they are targets
}

// Spans divides a document where its loss mask changes, for display.
func Spans(tok *token.Tokenizer, tokens []int32, learn []bool) (spans []Span) {
	for i := 0; i < len(tokens); {
		j := i + 1
		for j < len(tokens) && learn[j] == learn[i] {
			j++
		}
		spans = append(spans, Span{tok.Decode(tokens[i:j]), j - i, learn[i]})
		i = j
	}
	return spans
}
