package token

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestLongWords cuts words that are long enough for a heap by the definition: again and
// again, of all neighbours that have a merge, the leftmost of those with the lowest rank.
func TestLongWords(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 5))
	word := func(n int) []byte {
		w := make([]byte, n)
		for i := range w {
			w[i] = "abc"[r.IntN(3)]
		}
		return w
	}
	var text []byte
	for range 400 {
		text = append(append(text, word(60)...), '\n')
	}
	tok := learnt(t, string(text), 200)
	type ranked struct{ rank, id int32 }
	merges := map[[2]int32]ranked{}
	for rank, m := range tok.bpe.merges {
		merges[[2]int32{m.left, m.right}] = ranked{int32(rank), m.id}
	}
	for range 500 {
		w := word(shortWord + 1 + r.IntN(200))
		var want []int32
		for _, c := range w {
			want = append(want, tok.bpe.bytes[c])
		}
		for {
			best, at := ranked{rank: noRank}, -1
			for i := range len(want) - 1 {
				if m, ok := merges[[2]int32{want[i], want[i+1]}]; ok && m.rank < best.rank {
					best, at = m, i
				}
			}
			if at < 0 {
				break
			}
			want = slices.Replace(want, at, at+2, best.id)
		}
		if got, err := tok.Encode(string(w)); err != nil || !slices.Equal(got, want) {
			t.Fatalf("%s: %v, %v, not %v", w, got, err, want)
		}
	}
}
