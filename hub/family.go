package hub

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
)

// A family is a kind of networks that other programs know, with the names that its layers
// have there.
type family struct {
	title  string // in messages, such as "GPT-2"
	prefix string // of the names in transformers, but for the head's
	blocks string // the name of the list of blocks there, after the prefix
	sizes  string // the key of config.json that says how many blocks there are
	norms  []string

	layers     []layerNames
	buffer     func(name string) bool // a tensor of old files that is not a parameter; without the prefix
	bufferNote string                 // what it is
}

// layerNames are what a layer is called in other programs. In the names of a layer in a
// block, %d is the block.
type layerNames struct {
	ours         string            // in pedestrian.Slot
	part         pedestrian.Target // if others have the layer's parts as layers of their own: which one
	transformers string            // without the prefix; nanoGPT and PEFT have the same names
	llamaCPP     string

	// conv1D says that transformers holds the matrix input×output, as it is held here.
	// All others hold output×input.
	conv1D bool
}

const (
	headModule = "lm_head"
	lmHead     = headModule + ".weight"
	tokLayer   = "tok"
	headLayer  = "logits"
)

// familyOf is the family that a network is of, or comes nearest to.
func familyOf(c pedestrian.Config) *family {
	if c.Norm != pedestrian.LayerNorm || c.Positions != pedestrian.Learned || c.Gated {
		return &llama
	}
	return &gpt2
}

// in is the line with the block in its names.
func (n layerNames) in(block int) layerNames {
	if block >= 0 {
		n.transformers, n.llamaCPP = fmt.Sprintf(n.transformers, block), fmt.Sprintf(n.llamaCPP, block)
	}
	return n
}

// named are the lines of a layer of ours: one, or one for each of its parts.
func (f *family) named(layer string) (lines []layerNames) {
	for _, n := range f.layers {
		if n.ours == layer {
			lines = append(lines, n)
		}
	}
	return lines
}

// embedding is the name of the token embedding in transformers, without the prefix.
func (f *family) embedding() string { return f.named(tokLayer)[0].transformers }

// hasPlace says whether the formats of the family have a place for a parameter.
func (f *family) hasPlace(s pedestrian.Slot) bool {
	return len(f.named(s.Layer)) > 0 && !(s.Layer == headLayer && s.Role == pedestrian.Bias)
}

// full is the name of a layer or a parameter in transformers, with the prefix.
func (f *family) full(name string) string {
	if name == headModule || name == lmHead {
		return name
	}
	return f.prefix + name
}

// bare is the name of a model's tensor without wrappers and prefixes.
func (f *family) bare(name string) string {
	return strings.TrimPrefix(strings.TrimPrefix(unwrapped(name), baseModel), f.prefix)
}

// A slot is a parameter with its names in other programs, such as "h.0.ln_1.weight", or
// one of the parts of a parameter that others hold as parameters of their own.
type slot struct {
	pedestrian.Slot // of a part, Cols are its own columns
	layerNames
	family *family
	from   int // first column of a part
}

// slotsOf lists the parameters of a network with the sizes of c, in our order. Those of a
// GPT-2 are listed with every bias but that of the logits, and with a matrix of the logits
// unless c is tied.
func slotsOf(c pedestrian.Config) (slots []slot) {
	f := familyOf(c)
	if f == &gpt2 {
		c.Bias = true
	}
	for _, s := range c.Slots() {
		if !f.hasPlace(s) {
			continue
		}
		for _, n := range f.named(s.Layer) {
			p := slot{s, n.in(s.Block), f, 0}
			if n.part != "" {
				l := c.Linear(s.Block, n.part)
				p.from, p.Cols = l.From, l.Out
			}
			kind := ".weight"
			if s.Role == pedestrian.Bias {
				kind = ownBias
			}
			p.transformers, p.llamaCPP = p.transformers+kind, p.llamaCPP+kind
			slots = append(slots, p)
		}
	}
	return slots
}

// full returns the name in transformers, with the prefix.
func (s slot) full() string { return s.family.full(s.transformers) }

// ours is our name of the parameter, or of the part.
func (s slot) ours() string {
	if s.part == "" {
		return s.Name
	}
	return fmt.Sprintf("%s[%s]", s.Name, s.part)
}

// transposed says whether a format holds the parameter output×input. In transformers
// the matrices of GPT-2's blocks are input×output; everything else transposes every matrix.
func (s slot) transposed(transformers bool) bool {
	return s.Role == pedestrian.Matrix && !(transformers && s.conv1D)
}

// shape is the parameter's shape in a file.
func (s slot) shape(transposed bool) []int {
	switch {
	case s.Vec():
		return []int{s.Cols}
	case transposed:
		return []int{s.Cols, s.Rows}
	}
	return []int{s.Rows, s.Cols}
}

// A view is the parameter of a slot in memory: some columns of a matrix, or of a vector,
// which has one row.
type view[T pedestrian.Float] struct {
	v                  []T // from the first number on; nil if there is no such parameter, or it is narrow
	rows, cols, stride int

	narrow pedestrian.Tensor[T] // where it is kept in 16 bits, the tensor
	from   int                  // and the first of its numbers that is w's
}

// viewOf finds the slot's columns in its tensor.
func viewOf[T pedestrian.Float](s slot, t pedestrian.Tensor[T]) view[T] {
	w := view[T]{rows: s.Rows, cols: s.Cols, stride: t.Cols}
	switch {
	case t.V != nil:
		w.v = t.V[s.from:]
	case t.Exists():
		w.narrow, w.from = t, s.from
	}
	return w
}

func (w view[T]) isNarrow() bool { return w.narrow.Exists() }

// exists says whether there is such a parameter.
func (w view[T]) exists() bool { return w.v != nil || w.isNarrow() }

// widened is w, or a copy of what is narrow.
func (w view[T]) widened() view[T] {
	if w.isNarrow() {
		w.v, w.narrow = w.narrow.Widened()[w.from:], pedestrian.Tensor[T]{}
	}
	return w
}

// set sets the numbers from number at on. A narrow parameter holds what the file does,
// whose type it has.
func (w view[T]) set(at int, src []T) {
	if !w.isNarrow() {
		copy(w.v[at:], src)
	} else if !w.narrow.Write(w.from+at, src) {
		panic("hub: " + w.narrow.Name + " does not hold the numbers of its file")
	}
}

// contiguous are the numbers of a view whose rows lie side by side in memory.
func (w view[T]) contiguous() []T {
	w = w.widened()
	if w.v == nil {
		return nil
	}
	if w.rows > 1 && w.cols != w.stride {
		panic("hub: the rows of a part do not lie side by side")
	}
	return w.v[:w.rows*w.cols]
}

// transposed returns the transpose in new memory.
func (w view[T]) transposed() []T {
	w = w.widened()
	out := make([]T, w.rows*w.cols)
	for i := 0; i < w.rows; i += rowsAtOnce {
		last := min(i+rowsAtOnce, w.rows)
		for j := range w.cols {
			for k := i; k < last; k++ {
				out[j*w.rows+k] = w.v[k*w.stride+j]
			}
		}
	}
	return out
}

// put sets the columns from number first on to rows of the transpose, one after the other.
func (w view[T]) put(first int, rows []T) {
	row := make([]T, len(rows)/w.rows)
	for i := range w.rows {
		for j := range row {
			row[j] = rows[j*w.rows+i]
		}
		w.set(i*w.stride+first, row)
	}
}

// holds returns an error if no network of the family in transformers computes what one of
// configuration c does, whatever its weights are.
func (f *family) holds(c pedestrian.Config) error {
	if f == &gpt2 {
		return checkGPT2(c)
	}
	_, err := llamaType(c)
	return err
}

// checkBase returns an error if an adapter of c cannot be an adapter of a model of
// transformers.
func checkBase(c pedestrian.Config) error {
	f := familyOf(c)
	if err := f.holds(c); err != nil {
		return fmt.Errorf("a %s of transformers cannot hold the network beside which it stands: %w", f.title, err)
	}
	if c.LogitsBias {
		return fmt.Errorf("the network has a bias of the logits: a %s of transformers has none", f.title)
	}
	c.Blocks = 1
	for _, s := range c.Slots() {
		if !f.hasPlace(s) {
			return fmt.Errorf("the network has %s: a %s of transformers has no such parameter", s.Name, f.title)
		}
	}
	return nil
}

// isNorm says whether the last part of a name is that of a norm.
func (f *family) isNorm(name string) bool {
	return slices.Contains(f.norms, name[strings.LastIndexByte(name, '.')+1:])
}
