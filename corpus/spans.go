package corpus

import "github.com/pedestrian-ml/pedestrian/token"

// A Span is neighbouring tokens of which all are learnt or none.
type Span struct {
	Text   string `json:"text"`
	Tokens int    `json:"tokens"`
	Learn  bool   `json:"learn"`
}

// Spans divides a document where what is learnt begins and ends, for people to look at.
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
