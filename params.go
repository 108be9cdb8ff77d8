package pedestrian

import (
	"fmt"
	"slices"
	"unsafe"
)

// Float is the precision of a network: float32 to train, float64 to check.
type Float interface{ float32 | float64 }

// A Tensor is a slot with its numbers: a row-major Rows×Cols view of a slab.
type Tensor[T Float] struct {
	Slot
	V      []T    // Rows·Cols numbers; nil when there is no such parameter, or Narrow has them
	Narrow Narrow // the numbers of a tensor of [NewFrozen] that is not Wide
}

// Affine holds the two parameters of a fully connected layer (W is input×output)
// or of a normalization (W is the gain, a vector).
type Affine[T Float] struct{ W, B Tensor[T] }

// Block holds the parameters of one transformer block, in the order of table 2. What the
// network does not have is without V: Expand and Contract stand in a network that is not
// gated, Gate, Up and Down in one that is.
type Block[T Float] struct {
	LN1          Affine[T] // w_1, b_1
	QKV          Affine[T] // w_q, w_k, w_v of all heads side by side: [q of every head | k of every head | v of every head]
	QNorm, KNorm Affine[T] // gains of d_ρ numbers, of every head's queries and keys
	AttProj      Affine[T] // w_3, b_3
	LN2          Affine[T] // w_5, b_5
	Expand       Affine[T] // w_6, b_6
	Contract     Affine[T] // w_8, b_8
	Gate, Up     Affine[T] // w_gate, w_up
	Down         Affine[T] // w_down
}

// layer is the view of the layer that the list calls so.
func (b *Block[T]) layer(name string) *Affine[T] {
	switch name {
	case "ln1":
		return &b.LN1
	case "qkv":
		return &b.QKV
	case "qNorm":
		return &b.QNorm
	case "kNorm":
		return &b.KNorm
	case "attProj":
		return &b.AttProj
	case "ln2":
		return &b.LN2
	case "expand":
		return &b.Expand
	case "contract":
		return &b.Contract
	case "gate":
		return &b.Gate
	case "up":
		return &b.Up
	case "down":
		return &b.Down
	}
	panic("pedestrian: a block has no view of layer " + name)
}

// Params holds every parameter of a network, with named views. Gradients and optimizer
// moments are Params too: ∂L/∂θ has the shape of θ.
type Params[T Float] struct {
	Config Config
	Values[T]
	Tok     Tensor[T] // w_tok, vocab×width
	Pos     Tensor[T] // w_pos, context×width; without V unless positions are Learned
	Blocks  []Block[T]
	LNFinal Affine[T] // w_10, b_10
	Logits  Affine[T] // w_11, b_11; W does not exist when tied, B when there is no logits bias
}

// NewParams allocates the parameters of c, all zero. It panics when c is not valid.
func NewParams[T Float](c Config) *Params[T] {
	if err := c.Validate(); err != nil {
		panic("pedestrian.NewParams: " + err.Error())
	}
	return newParams(c, newValues[T](c.Slots(), nil))
}

// NewFrozen allocates the parameters of c, all zero, of a network that is not trained.
// storage says how the numbers of a matrix or a table are held; vectors are Wide, and so is
// what Q8 cannot hold (see [Slot.HasBlocks]). The offset of a tensor counts numbers of its
// own type, and bytes in Q8. It panics when c is not valid.
func NewFrozen[T Float](c Config, storage func(s Slot) Storage) *Params[T] {
	if err := c.Validate(); err != nil {
		panic("pedestrian.NewFrozen: " + err.Error())
	}
	return newParams(c, newValues[T](c.Slots(), storage))
}

func newParams[T Float](c Config, v Values[T]) *Params[T] {
	p := &Params[T]{Config: c, Values: v, Blocks: make([]Block[T], c.Blocks)}
	for _, t := range p.tensors {
		switch {
		case t.Layer == "tok":
			p.Tok = t
		case t.Layer == "pos":
			p.Pos = t
		case t.Layer == "lnFinal":
			p.LNFinal.put(t)
		case t.Layer == "logits":
			p.Logits.put(t)
		default:
			p.Blocks[t.Block].layer(t.Layer).put(t)
		}
	}
	return p
}

// Widened returns p, or, if it is frozen, a copy whose tensors are all Wide.
func (p *Params[T]) Widened() *Params[T] {
	if !p.IsFrozen() {
		return p
	}
	q := NewParams[T](p.Config)
	for i, t := range q.tensors {
		p.tensors[i].Read(t.V, 0)
	}
	return q
}

// put makes t one of the two views.
func (a *Affine[T]) put(t Tensor[T]) {
	if t.Role == Bias {
		a.B = t
	} else {
		a.W = t
	}
}

// Values are the numbers of a list of slots, in one flat slab. Every tensor starts at
// a multiple of 16 numbers; the padding between tensors is zero and stays zero. What is
// not Wide lies in slabs of its own.
type Values[T Float] struct {
	Slab    []T
	narrow  []uint16
	blocks  []byte
	tensors []Tensor[T] // in the order of the slab
}

// newValues allocates the numbers of a list, all zero. storage says how those of a matrix
// or a table are held; nil means all are Wide.
func newValues[T Float](list []Slot, storage func(s Slot) Storage) Values[T] {
	v := Values[T]{tensors: make([]Tensor[T], len(list))}
	wide, narrow, blocks := 0, 0, 0
	for i, s := range list {
		t, size, n := &v.tensors[i], &wide, s.Rows*s.Cols
		if storage != nil && !s.Vec() {
			t.Narrow.Storage = storage(s)
		}
		if t.Narrow.Storage == Q8 && !s.HasBlocks() {
			t.Narrow.Storage = Wide
		}
		switch t.Narrow.Storage {
		case Wide:
		case Q8:
			size, n = &blocks, int(s.Bytes(Q8, 0))
		default:
			size = &narrow
		}
		t.Slot, t.Offset = s, *size
		*size += padded(n)
	}
	v.Slab, v.narrow, v.blocks = make([]T, wide), make([]uint16, narrow), make([]byte, blocks)
	hugePages(v.Slab)
	hugePages(v.narrow)
	hugePages(v.blocks)
	for i := range v.tensors {
		t := &v.tensors[i]
		switch end := t.Offset + t.Rows*t.Cols; t.Narrow.Storage {
		case Wide:
			t.V = v.Slab[t.Offset:end:end]
		case Q8:
			end = t.Offset + int(t.Bytes(Q8, 0))
			t.Narrow.Blocks = v.blocks[t.Offset:end:end]
		default:
			t.Narrow.V = v.narrow[t.Offset:end:end]
		}
	}
	return v
}

// Bytes is the memory that the numbers take.
func (v *Values[T]) Bytes() int64 {
	return int64(len(v.Slab))*int64(unsafe.Sizeof(T(0))) + 2*int64(len(v.narrow)) + int64(len(v.blocks))
}

// IsFrozen says whether some tensor is not Wide: such values can be read, not trained.
func (v *Values[T]) IsFrozen() bool { return len(v.narrow)+len(v.blocks) > 0 }

// Tensors returns the views of every parameter, in slab order.
func (v *Values[T]) Tensors() []Tensor[T] { return slices.Clone(v.tensors) }

// Tensor is the view of that name; it does not exist if there is none.
func (v *Values[T]) Tensor(name string) Tensor[T] {
	for _, t := range v.tensors {
		if t.Name == name {
			return t
		}
	}
	return Tensor[T]{}
}

// Count is the number of parameters, padding not counted.
func (v *Values[T]) Count() (n int) {
	for _, t := range v.tensors {
		n += t.Rows * t.Cols
	}
	return n
}

// Zero sets every parameter to zero.
func (v *Values[T]) Zero() {
	clear(v.Slab)
	clear(v.narrow)
	clear(v.blocks)
}

// Convert copies src into dst, number by number. It panics when they are not of the
// same slots. All are Wide.
func Convert[T, S Float](dst *Values[T], src *Values[S]) {
	if len(dst.tensors) != len(src.tensors) {
		panic(fmt.Sprintf("pedestrian.Convert: %d tensors and %d", len(dst.tensors), len(src.tensors)))
	}
	for i, t := range dst.tensors {
		if t.Slot != src.tensors[i].Slot {
			panic(fmt.Sprintf("pedestrian.Convert: %s %s and %s %s", t.Name, t.Shape(), src.tensors[i].Name, src.tensors[i].Shape()))
		}
	}
	for i, v := range src.Slab {
		dst.Slab[i] = T(v)
	}
}
