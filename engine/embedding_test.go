package engine

import (
	"testing"

	"github.com/pedestrian-ml/pedestrian/paper"
)

func TestEmbedding(t *testing.T) { bothLanes(t, testEmbedding[float64], testEmbedding[float32]) }

func testEmbedding[T Float](t *testing.T) {
	r := newLane[T](t)
	const n, V, C, d = rowsPerPart + 4, 11, 19, colsPerPart + 5
	tok, pos, Δ := r.mat(V, d), r.mat(C, d), r.mat(n, d)
	tokens, positions := make([]int32, n), make([]int32, n)
	ids, places := make([]int, n), make([]int, n)
	for i := range ids {
		ids[i], places[i] = r.rnd.IntN(V-2), i%(C-1) // two tokens and a position are absent
		tokens[i], positions[i] = int32(ids[i]), int32(places[i])
	}
	aTok, backTok, _ := paper.Embedding(nil, ids, tok)
	aPos, backPos, _ := paper.Embedding(nil, places, pos)

	l, c := embedding[T]{tok: wide(to[T](tok)), pos: wide(to[T](pos))}, new(embeddingCache[T])
	grad := embedding[T]{tok: wide(ones[T](V, d)), pos: wide(ones[T](C, d))}
	y := rubbish[T](n, d)
	l.forward(r.pool, y, c, tokens, positions)
	l.backward(r.pool, grad, to[T](Δ), c, tokens, positions)
	nearMat(t, "a_1 (2)", y, aTok.Add(aPos))
	nearMatPlus1(t, "∂L/∂w_tok (3)", grad.tok.Mat, backTok(Δ))
	nearMatPlus1(t, "∂L/∂w_pos (3)", grad.pos.Mat, backPos(Δ))
	for j, v := range grad.tok.Row(V - 1) {
		if v != 1 {
			t.Fatalf("an absent token got a gradient in feature %d: %v", j, v)
		}
	}
}
