package engine

import "fmt"

// A Place says where in a pass a matrix was computed.
type Place struct {
	Name  string  // the symbol of table 2 or table 3, for one block: "a_7", "Δ_7"
	Layer string  // the layer, as in the names of parameters: "block.0.expand"
	Rows  []int32 // the token of each row; nil if row i belongs to token i
}

// String returns, for example, "a_7 of block.0.expand".
func (p Place) String() string { return p.Name + " of " + p.Layer }

// Token returns the index of row i's token in the batch, sequence·T + t.
func (p Place) Token(i int) int {
	if p.Rows != nil {
		return int(p.Rows[i])
	}
	return i
}

// Watch makes n call f with every matrix that a pass computes, in the order of the pass;
// each matrix has a row for each token. Watch(nil) ends this. f may change x, as tests do
// to plant errors; x is valid only during the call. Without f it costs nothing.
func (n *Network[T]) Watch(f func(p Place, x Mat[T])) {
	n.work.watch, n.work.logits.watch = f, f
}

// show calls the function given to Watch, if any, with a matrix of block i; a negative i
// means a layer outside the blocks.
func (w *workspace[T]) show(i int, name, layer string, x Mat[T]) {
	if w.watch != nil {
		w.watch(placeOf(i, name, layer), x)
	}
}

// showZ shows the error on z of an adapted layer with DoRA. Call it after backwardInput.
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

// show calls the function given to Watch, if any, with the logits of the tokens rows, or
// with the error on them.
func (c *logitsCache[T]) show(name string, rows []int32, x Mat[T]) {
	if c.watch != nil {
		c.watch(Place{Name: name, Layer: "logits", Rows: rows}, x)
	}
}
