package main

import (
	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// products is the time of the fully connected layers of all blocks, forward and
// backward, on the weights and gradients of the step; milliseconds.
func (s *trainStep) products(b *bench, repeat int) float64 {
	rows, c := len(s.batch.Tokens), s.c
	wide := max(c.HiddenDim(), c.QKVDim())
	x, dy, y, dx := ones(rows, wide), ones(rows, wide), ones(rows, wide), ones(rows, wide)
	of := func(m engine.Mat[float32], cols int) engine.Mat[float32] {
		return engine.Mat[float32]{Rows: rows, Cols: cols, Stride: cols, V: m.V}
	}
	fc := func(a pedestrian.Affine[float32]) engine.FC[float32] {
		return engine.FC[float32]{W: engine.Mat[float32]{Rows: a.W.Rows, Cols: a.W.Cols, Stride: a.W.Cols, V: a.W.V}, B: a.B.V}
	}
	var cache engine.FCCache[float32]
	var ms []float64
	for range repeat + 1 {
		ms = append(ms, timed(func() {
			for i := range s.w.Blocks {
				w, dw := &s.w.Blocks[i], &s.dw.Blocks[i]
				for _, l := range [][2]engine.FC[float32]{{fc(w.QKV), fc(dw.QKV)}, {fc(w.AttProj), fc(dw.AttProj)}, {fc(w.Expand), fc(dw.Expand)}, {fc(w.Contract), fc(dw.Contract)}} {
					in, out := l[0].W.Rows, l[0].W.Cols
					l[0].Forward(b.pool, of(y, out), of(x, in), false)
					l[0].Error(b.pool, of(dx, in), of(dy, out))
					l[0].Grad(b.pool, l[1], of(dy, out), of(x, in), &cache)
				}
			}
		}))
	}
	return median(ms[1:])
}

// attention is the time of the attention of all blocks, forward and backward.
func (s *trainStep) attention(b *bench, repeat int) float64 {
	rows, c := len(s.batch.Tokens), s.c
	l := engine.Attention[float32]{Heads: c.Heads, KeyDim: c.QueryDim(), ValueDim: c.ValueDim()}
	keys := c.Heads * c.QueryDim()
	qkv, dqkv, y, dy := ones(rows, c.QKVDim()), ones(rows, c.QKVDim()), ones(rows, c.Width), ones(rows, c.Width)
	columns := func(m engine.Mat[float32]) (q, k, v engine.Mat[float32]) {
		return m.Sub(0, rows, 0, keys), m.Sub(0, rows, keys, 2*keys), m.Sub(0, rows, 2*keys, m.Cols)
	}
	cache := &engine.AttentionCache[float32]{Lse: engine.NewMat[float32](c.Heads, rows)}
	var segments []engine.Segment
	for i := range s.batch.B {
		segments = append(segments, engine.Segment{Q: i * s.batch.T, K: i * s.batch.T, N: s.batch.T})
	}
	q, k, v := columns(qkv)
	dq, dk, dv := columns(dqkv)
	var ms []float64
	for range repeat + 1 {
		ms = append(ms, timed(func() {
			for range c.Blocks {
				l.Forward(b.pool, y, cache, q, k, v, segments)
				l.Backward(b.pool, dq, dk, dv, dy, cache, q, k, v, y, segments)
			}
		}))
	}
	return median(ms[1:])
}

// logits is the time of FC_logits tied to the embedding, with the loss: the three
// products and the softmax, in chunks.
func (s *trainStep) logits(b *bench, repeat int) float64 {
	rows, c := len(s.batch.Tokens), s.c
	chunk := min(rows, max(64, min(1024, (1<<25)/c.Vocab/64*64))) // as the engine's
	chunks := (rows + chunk - 1) / chunk
	chunk = min((rows+chunks*32-1)/(chunks*32)*32, chunk)
	x, dx, y := ones(rows, c.Width), ones(rows, c.Width), ones(chunk, c.Vocab)
	tok := engine.Mat[float32]{Rows: c.Vocab, Cols: c.Width, Stride: c.Width, V: s.w.Tok.V}
	dtok := engine.Mat[float32]{Rows: c.Vocab, Cols: c.Width, Stride: c.Width, V: s.dw.Tok.V}
	cache := &engine.LossCache[float32]{Token: make([]float64, chunk)}
	var ms []float64
	for range repeat + 1 {
		ms = append(ms, timed(func() {
			for from := 0; from < rows; from += chunk {
				to := min(from+chunk, rows)
				xc, dxc, yc := x.Sub(from, to, 0, c.Width), dx.Sub(from, to, 0, c.Width), y.Sub(0, to-from, 0, c.Vocab)
				kernel.MulNT(b.pool, yc, xc, tok, false)
				engine.Loss[float32]{Scale: 1, Error: true}.Forward(b.pool, yc, cache, s.batch.Targets[from:to])
				kernel.MulNN(b.pool, dxc, yc, tok, nil, false)
				kernel.MulTN(b.pool, dtok, yc, xc, true)
			}
		}))
	}
	return median(ms[1:])
}
