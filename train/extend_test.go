package train

import (
	"slices"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/token"
)

// New tokens begin at the mean of the rows, and columns, that there were; the base is as
// it was, by its hash too.
func TestAddTokens(t *testing.T) {
	for _, tied := range []bool{true, false} {
		c := pedestrian.Config{Vocab: 256, Context: 4, Width: 2, Heads: 1, Blocks: 1, Activation: pedestrian.GELU, LogitsBias: true, Tied: tied}
		p := pedestrian.NewParams[float32](c)
		Init(p, 1)
		for i := range 256 {
			p.Tok.V[2*i], p.Tok.V[2*i+1] = float32(i), -2*float32(i)
			p.Logits.B.V[i] = float32(i % 2)
			if !tied {
				p.Logits.W.V[i], p.Logits.W.V[256+i] = 3, float32(i)
			}
		}
		b := Base{Params: p, Tokenizer: token.NewBytes()}
		sum := Digest(p)
		ids, err := b.AddTokens([]string{"<x>", "<y>"})
		if err != nil || !slices.Equal(ids, []int32{256, 257}) || b.Tokenizer.Vocab() != 258 || b.Vocab != 256 || b.SHA256 != sum || b.digest() != sum {
			t.Fatalf("%v, %v, %+v", ids, err, b)
		}
		q := b.Params
		for _, id := range ids { // the mean of 0…255 is 127.5
			if got := q.Tok.V[2*id:][:2]; got[0] != 127.5 || got[1] != -255 || q.Logits.B.V[id] != 0.5 {
				t.Errorf("row of %d: %v, bias %g", id, got, q.Logits.B.V[id])
			}
			if !tied && (q.Logits.W.V[id] != 3 || q.Logits.W.V[258+id] != 127.5) {
				t.Errorf("column of %d: %g, %g", id, q.Logits.W.V[id], q.Logits.W.V[258+id])
			}
		}
		if !slices.Equal(q.Tok.V[:512], p.Tok.V) || !tied && q.Logits.W.V[258+7] != 7 {
			t.Error("rows that there were have changed")
		}
		if q.Tok.V[3]++; b.digest() == sum {
			t.Error("the hash does not see a row that there was")
		}
		q.Tok.V[3]--
		if q.Tok.V[2*256]++; b.digest() != sum {
			t.Error("the hash sees a row that is new")
		}
	}
	if _, err := (&Base{}).AddTokens([]string{"<x>"}); err == nil {
		t.Error("tokens are added to no tokenizer")
	}
}
