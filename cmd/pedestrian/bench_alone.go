package main

import (
	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

// parts measures the kinds of work of a step, each alone on matrices of its sizes, and
// what of the step is none of them. Biases, and in bf16 the rounding of operands, are
// left to the rest.
func (s *trainStep) parts(b *bench, r *figures, repeat int) {
	pairs := float64(s.batch.B*s.batch.T) * float64(s.batch.T+1) / 2
	rest := median(r.MS) - r.Phases["optimizer"]
	forward, backward := engine.AttentionAlone[float32](s.c, b.pool, s.batch.B, s.batch.T)
	for _, p := range []struct {
		name       string
		operations float64
		f          func()
	}{
		{"products", 6 * float64(len(s.batch.Tokens)*s.c.Blocks*(s.c.Width*(s.c.QKVDim()+s.c.Width)+2*s.c.Width*s.c.HiddenDim())), s.products(b)},
		{"attention", 14 * pairs * float64(s.c.Blocks*s.c.Width), func() { forward(); backward() }}, // seven products, of what they need
		{"logits", 6 * float64(len(s.batch.Tokens)*s.c.Vocab*s.c.Width), s.logits(b)},
	} {
		p.f()
		var ms []float64
		for range repeat {
			ms = append(ms, timed(p.f))
		}
		r.Phases[p.name] = median(ms)
		if p.name != "attention" || s.precision == engine.Float32 { // it is float32 in either precision
			r.PhaseGFLOPS[p.name] = p.operations / median(ms) / 1e6
		}
		rest -= median(ms)
	}
	r.Phases["rest"] = rest
}

// operands are what meets a weight in the three products of a fully connected layer;
// in bf16 x and dy are the rounded ones.
type operands struct {
	y, dx, x, dy engine.Mat[float32]
	rx, rdy      kernel.MatBF16
}

// layer is the three products with a weight, in the precision of the step: forward,
// for the error, for the gradient. A tied weight is the other way round.
func (s *trainStep) layer(p *kernel.Pool, w, dw pedestrian.Tensor[float32], tied bool) func(o operands, add bool) {
	m := engine.Mat[float32]{Rows: w.Rows, Cols: w.Cols, Stride: w.Cols, V: w.V}
	dm := engine.Mat[float32]{Rows: w.Rows, Cols: w.Cols, Stride: w.Cols, V: dw.V}
	if s.precision == engine.BF16 {
		packed := kernel.NewPackedBF16(w.Rows, w.Cols, true, true)
		packed.Pack(p, kernel.Weight[float32]{Mat: m})
		return func(o operands, add bool) {
			if tied {
				kernel.MulPackedT(p, o.y, o.rx, packed, false)
				kernel.MulPacked(p, o.dx, o.rdy, packed, nil, false)
				kernel.MulTNBF16(p, dm, o.rdy, o.rx, add)
				return
			}
			kernel.MulPacked(p, o.y, o.rx, packed, nil, false)
			kernel.MulPackedT(p, o.dx, o.rdy, packed, false)
			kernel.MulTNBF16(p, dm, o.rx, o.rdy, add)
		}
	}
	return func(o operands, add bool) {
		if tied {
			kernel.MulNT(p, o.y, o.x, m, false)
			kernel.MulNN(p, o.dx, o.dy, m, nil, false)
			kernel.MulTN(p, dm, o.dy, o.x, add)
			return
		}
		kernel.MulNN(p, o.y, o.x, m, nil, false)
		kernel.MulNT(p, o.dx, o.dy, m, false)
		kernel.MulTN(p, dm, o.x, o.dy, add)
	}
}

// products are those of the fully connected layers of all blocks, forward and
// backward, on the weights and gradients of the step.
func (s *trainStep) products(b *bench) func() {
	rows := len(s.batch.Tokens)
	of := map[int]operands{}
	for _, n := range []int{s.c.Width, s.c.QKVDim(), s.c.HiddenDim()} {
		o := operands{y: ones(rows, n), dx: ones(rows, n), x: ones(rows, n), dy: ones(rows, n)}
		if s.precision == engine.BF16 {
			o.rx, o.rdy = onesBF16(rows, n), onesBF16(rows, n)
		}
		of[n] = o
	}
	var layers []func()
	for i := range s.w.Blocks {
		w, dw := &s.w.Blocks[i], &s.dw.Blocks[i]
		for _, l := range [][2]pedestrian.Affine[float32]{{w.QKV, dw.QKV}, {w.AttProj, dw.AttProj}, {w.Expand, dw.Expand}, {w.Contract, dw.Contract}} {
			in, out, f := of[l[0].W.Rows], of[l[0].W.Cols], s.layer(b.pool, l[0].W, l[1].W, false)
			o := operands{y: out.y, dy: out.dy, rdy: out.rdy, x: in.x, dx: in.dx, rx: in.rx}
			layers = append(layers, func() { f(o, false) })
		}
	}
	return func() {
		for _, f := range layers {
			f()
		}
	}
}

// logits is FC_logits tied to the embedding, with the loss: the three products and
// the softmax, in chunks.
func (s *trainStep) logits(b *bench) func() {
	rows, c := len(s.batch.Tokens), s.c
	chunk := min(rows, max(64, min(1024, (1<<25)/c.Vocab/64*64))) // as the engine's
	chunks := (rows + chunk - 1) / chunk
	chunk = min((rows+chunks*32-1)/(chunks*32)*32, chunk)
	x, dx, y := ones(rows, c.Width), ones(rows, c.Width), ones(chunk, c.Vocab)
	var rx, ry kernel.MatBF16
	if s.precision == engine.BF16 {
		rx, ry = onesBF16(chunk, c.Width), onesBF16(chunk, c.Vocab)
	}
	first := func(m kernel.MatBF16, n int) kernel.MatBF16 {
		return kernel.MatBF16{Rows: n, Cols: m.Cols, Stride: m.Stride, V: m.V[:min(n*m.Stride, len(m.V))]}
	}
	f := s.layer(b.pool, s.w.Tok, s.dw.Tok, true)
	loss := &lossOfRows{}
	return func() {
		for from := 0; from < rows; from += chunk {
			to := min(from+chunk, rows)
			yc := y.Sub(0, to-from, 0, c.Vocab)
			f(operands{y: yc, dy: yc, x: x.Sub(from, to, 0, c.Width), dx: dx.Sub(from, to, 0, c.Width), rx: first(rx, to-from), rdy: first(ry, to-from)}, from > 0)
			loss.logits, loss.targets = yc, s.batch.Targets[from:to]
			b.pool.Run((to-from+lossRows-1)/lossRows, loss)
		}
	}
}

// lossOfRows is the softmax and the loss of a chunk of logits, lossRows in a part.
type lossOfRows struct {
	logits  engine.Mat[float32]
	targets []int32
}

const lossRows = 4 // as the engine's

// Do puts the error on the logits in their place.
func (l *lossOfRows) Do(_ *kernel.Pool, part int) {
	for t := part * lossRows; t < min((part+1)*lossRows, l.logits.Rows); t++ {
		kernel.CrossEntropy(l.logits.Row(t), int(l.targets[t]), 1)
	}
}
