package pickle

import (
	"errors"
	"fmt"
	"math"

	"github.com/pedestrian-ml/pedestrian/safetensors"
)

// The globals that a state dictionary names, besides the types of storages.
const (
	orderedDict      global = "collections.OrderedDict"
	rebuildTensor    global = "torch._utils._rebuild_tensor_v2"
	rebuildParameter global = "torch._utils._rebuild_parameter"
)

// storageTypes are the types of numbers.
var storageTypes = map[global]safetensors.DType{
	"torch.FloatStorage": safetensors.F32, "torch.HalfStorage": safetensors.F16, "torch.BFloat16Storage": safetensors.BF16,
	"torch.DoubleStorage": safetensors.F64, "torch.LongStorage": safetensors.I64, "torch.IntStorage": safetensors.I32,
	"torch.ShortStorage": safetensors.I16, "torch.CharStorage": safetensors.I8, "torch.ByteStorage": safetensors.U8, "torch.BoolStorage": safetensors.Bool,
}

const maxDims = 8

// A storage is a sequence of numbers in the file; tensors are views of it.
type storage struct {
	key    string
	dtype  safetensors.DType
	n      int64
	offset int64 // in the file
}

// A Tensor is a view of numbers in the file.
type Tensor struct {
	Name  string // of the state dictionary
	DType safetensors.DType
	Shape []int

	storage *storage
	first   int64   // of the storage
	stride  []int64 // numbers from one index to the next, in each dimension
	n       int64
}

// Len returns the number of elements, the product of the shape.
func (t Tensor) Len() int { return int(t.n) }

// size returns the bytes of a number.
func (s *storage) size() int64 { return int64(s.dtype.Bits() / 8) }

// reduce executes REDUCE for a global that makes a dictionary or a tensor.
func (m *machine) reduce() error {
	v, err := m.pop()
	if err != nil {
		return err
	}
	args, isTuple := v.(tuple)
	v, err = m.pop()
	if err != nil {
		return err
	}
	g, isGlobal := v.(global)
	switch {
	case !isTuple || !isGlobal:
		return errors.New("a call of something that is no function")
	case g == orderedDict && len(args) == 0:
		return m.push(&dict{})
	case g == rebuildTensor:
		t, err := rebuilt(args)
		if err != nil {
			return err
		}
		return m.push(t)
	case g == rebuildParameter && len(args) == 3:
		if t, ok := args[0].(*Tensor); ok {
			return m.push(t)
		}
	}
	return fmt.Errorf("a call of %s with values that are not those of a tensor", g)
}

// rebuilt is the tensor of a storage, its first number, the shape, the strides,
// whether it needs a gradient, and hooks.
func rebuilt(args tuple) (*Tensor, error) {
	if len(args) < 6 || len(args) > 7 {
		return nil, fmt.Errorf("a tensor of %d values, and it has 6", len(args))
	}
	s, isStorage := args[0].(*storage)
	first, isNumber := args[1].(int64)
	shape, isShape := args[2].(tuple)
	strides, isStrides := args[3].(tuple)
	hooks, isHooks := args[5].(*dict)
	switch {
	case !isStorage || !isNumber || !isShape || !isStrides || !isHooks:
		return nil, errors.New("a tensor whose values are of other kinds")
	case len(hooks.keys) > 0:
		return nil, errors.New("a tensor with hooks")
	case len(shape) != len(strides) || len(shape) > maxDims:
		return nil, fmt.Errorf("a tensor with %d dimensions and %d strides: at most %d are read", len(shape), len(strides), maxDims)
	}
	t := &Tensor{DType: s.dtype, storage: s, first: first, n: 1}
	for i := range shape {
		size, ok := shape[i].(int64)
		stride, okToo := strides[i].(int64)
		if !ok || !okToo || size < 0 || size > math.MaxInt32 || stride < 0 || stride > 1<<40 {
			return nil, fmt.Errorf("a tensor with the size %v and the stride %v", shape[i], strides[i])
		}
		t.Shape, t.stride = append(t.Shape, int(size)), append(t.stride, stride)
		if size > 0 && t.n > s.n/size {
			return nil, fmt.Errorf("a tensor of the shape %v, and its storage has %d numbers", shape, s.n)
		}
		t.n *= size
	}
	beyond := first < 0 || first > s.n || t.n > 0 && first == s.n
	for i, last := 0, first; i < len(shape) && t.n > 0 && !beyond; i++ { // last is the number that is reached
		if steps := int64(t.Shape[i]) - 1; steps > 0 && t.stride[i] > (s.n-1-last)/steps {
			beyond = true
		} else {
			last += steps * t.stride[i]
		}
	}
	if beyond {
		return nil, fmt.Errorf("a tensor of the shape %v from number %d on that reaches beyond the %d of its storage", shape, first, s.n)
	}
	return t, nil
}

// contiguous says whether the numbers of t are stored one after another, row by row.
func (t *Tensor) contiguous() bool {
	next := int64(1)
	for i := len(t.Shape) - 1; i >= 0; i-- {
		if t.Shape[i] != 1 && t.stride[i] != next {
			return false
		}
		next *= int64(t.Shape[i])
	}
	return true
}
