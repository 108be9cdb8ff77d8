package engine

import "fmt"

// A Place is where in a pass a matrix was computed.
type Place struct {
	Name  string  // as in table 2 and table 3 for one block: "a_7", "Δ_7"
	Layer string  // dotted, as parameters are named: "block.0.expand"
	Rows  []int32 // the token of each row; nil when row i is token i
}

// String is "a_7 of block.0.expand".
func (p Place) String() string { return p.Name + " of " + p.Layer }

// Token is the place in the batch, sequence·T + t, of row i.
func (p Place) Token(i int) int {
	if p.Rows != nil {
		return int(p.Rows[i])
	}
	return i
}

// Watch makes n show what a pass computes to f, in order, a row for each token; nil
// ends it. f may change x, which is how tests plant errors. Nobody pays for it who
// does not watch.
func (n *Network[T]) Watch(f func(p Place, x Mat[T])) {
	n.work.watch, n.work.logits.watch = f, f
}

// show shows a matrix of block i to who watches; i < 0 is outside the blocks.
func (w *workspace[T]) show(i int, name, layer string, x Mat[T]) {
	if w.watch != nil {
		w.watch(placeOf(i, name, layer), x)
	}
}

// showZ shows the error on z of an adapted layer that has DoRA, after its backwardInput.
func (w *workspace[T]) showZ(i int, layer string, l *adapted[T], c *adaptedCache[T], rows int) {
	if l.dora != nil {
		w.show(i, "Δ_z", layer, first(c.z, rows))
	}
}

func placeOf(i int, name, layer string) Place {
	if i >= 0 {
		layer = fmt.Sprintf("block.%d.%s", i, layer)
	}
	return Place{Name: name, Layer: layer}
}

// show shows the logits of some tokens, or the error on them.
func (c *logitsCache[T]) show(name string, rows []int32, x Mat[T]) {
	if c.watch != nil {
		c.watch(Place{Name: name, Layer: "logits", Rows: rows}, x)
	}
}
