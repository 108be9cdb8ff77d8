package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/parquet-go/parquet-go/format"
)

var errPage = errors.New("a page ends before its last value: the file is damaged, fetch it again")

// hybrid decodes n numbers of width bits in the RLE/bit-packing hybrid encoding: runs of one
// value, and packed groups of eight.
func hybrid(data []byte, width, n int) ([]uint32, error) {
	if width < 0 || width > 32 {
		return nil, fmt.Errorf("numbers of %d bits: the file is damaged, fetch it again", width)
	}
	out := make([]uint32, 0, n)
	for len(out) < n {
		head, size := binary.Uvarint(data)
		if size <= 0 {
			return nil, errPage
		}
		data = data[size:]
		if head&1 == 0 {
			bytes := (width + 7) / 8
			if len(data) < bytes {
				return nil, errPage
			}
			v := uint32(0)
			for i := range bytes {
				v |= uint32(data[i]) << (8 * i)
			}
			data = data[bytes:]
			run := min(head>>1, uint64(n-len(out)))
			if run == 0 {
				return nil, errPage
			}
			for range run {
				out = append(out, v)
			}
			continue
		}
		groups := head >> 1
		if groups == 0 {
			return nil, errPage
		}
		count := min(groups, uint64(n-len(out)+7)/8) * 8
		take := min(int(count), n-len(out))
		for i := range take {
			v, err := packed(data, i*width, width)
			if err != nil {
				return nil, err
			}
			out = append(out, uint32(v))
		}
		whole := groups * uint64(width)
		data = data[min(whole, uint64(len(data))):]
	}
	return out, nil
}

// packed returns the number of width bits at a bit offset of data, lowest bit first.
func packed(data []byte, bit, width int) (v uint64, err error) {
	if (bit+width+7)/8 > len(data) {
		return 0, errPage
	}
	for got := 0; got < width; {
		from := bit + got
		take := min(8-from%8, width-got)
		v |= uint64(data[from/8]>>(from%8)&(1<<take-1)) << got
		got += take
	}
	return v, nil
}

// values decodes n values of a leaf.
func (n *node) values(data []byte, encoding format.Encoding, count int) ([]any, error) {
	kind := n.element.Type.V
	switch {
	case encoding == format.Plain:
		return n.plain(data, count)
	case encoding == format.RLE && kind == format.Boolean:
		if len(data) < 4 {
			return nil, errPage
		}
		vs, err := hybrid(data[4:], 1, count)
		return each(vs, func(v uint32) any { return v == 1 }), err
	case encoding == format.DeltaBinaryPacked && (kind == format.Int32 || kind == format.Int64):
		vs, _, err := delta(data, count)
		return each(vs, func(v int64) any { return v }), err
	case encoding == format.DeltaLengthByteArray && kind == format.ByteArray:
		lengths, rest, err := delta(data, count)
		if err != nil {
			return nil, err
		}
		return n.cut(lengths, nil, rest)
	case encoding == format.DeltaByteArray && (kind == format.ByteArray || kind == format.FixedLenByteArray):
		prefixes, rest, err := delta(data, count)
		if err != nil {
			return nil, err
		}
		lengths, rest, err := delta(rest, count)
		if err != nil {
			return nil, err
		}
		return n.cut(lengths, prefixes, rest)
	}
	return nil, fmt.Errorf("the encoding %v of %v is not read: write the file with others, such as those of pyarrow", encoding, kind)
}

func each[S, T any](in []S, f func(S) T) []T {
	out := make([]T, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}

// cut makes texts from lengths and bytes; each begins with a prefix of the text before it.
func (n *node) cut(lengths, prefixes []int64, data []byte) ([]any, error) {
	out := make([]any, len(lengths))
	var last []byte
	grown := 0
	for i, l := range lengths {
		if l < 0 || l > int64(len(data)) {
			return nil, errPage
		}
		v := data[:l]
		data = data[l:]
		if prefixes != nil {
			p := prefixes[i]
			if p < 0 || p > int64(len(last)) {
				return nil, errPage
			}
			if grown += int(p); grown > maxPage {
				return nil, fmt.Errorf("a page unpacks to more than %d bytes", maxPage)
			}
			v = append(append(make([]byte, 0, int(p)+len(v)), last[:p]...), v...)
			last = v
		}
		out[i] = n.text(v)
	}
	return out, nil
}

// plain decodes values in the encoding PLAIN, one after the other.
func (n *node) plain(data []byte, count int) ([]any, error) {
	size := map[format.Type]int{format.Int32: 4, format.Int64: 8, format.Int96: 12, format.Float: 4, format.Double: 8,
		format.FixedLenByteArray: int(n.element.TypeLength.V)}[n.element.Type.V]
	need := int64(size) * int64(count)
	switch n.element.Type.V {
	case format.Boolean:
		need = (int64(count) + 7) / 8
	case format.ByteArray:
		need = 4 * int64(count)
	}
	if need < 0 || need > int64(len(data)) {
		return nil, errPage
	}
	out := make([]any, count)
	for i := range out {
		at := i * size
		switch n.element.Type.V {
		case format.Boolean:
			out[i] = data[i/8]>>(i%8)&1 == 1
		case format.Int32:
			out[i] = int64(int32(binary.LittleEndian.Uint32(data[at:])))
		case format.Int64:
			out[i] = int64(binary.LittleEndian.Uint64(data[at:]))
		case format.Int96:
			out[i] = Unread{}
		case format.Float:
			out[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(data[at:])))
		case format.Double:
			out[i] = math.Float64frombits(binary.LittleEndian.Uint64(data[at:]))
		case format.FixedLenByteArray:
			out[i] = n.text(data[at : at+size])
		case format.ByteArray:
			if len(data) < 4 {
				return nil, errPage
			}
			l := int64(binary.LittleEndian.Uint32(data))
			if l > int64(len(data)-4) {
				return nil, errPage
			}
			out[i] = n.text(data[4 : 4+l])
			data = data[4+l:]
		default:
			return nil, fmt.Errorf("a column of the type %v: the file is damaged, fetch it again", n.element.Type.V)
		}
	}
	return out, nil
}

// delta decodes count numbers of DELTA_BINARY_PACKED, and returns what follows them.
func delta(data []byte, count int) (out []int64, rest []byte, err error) {
	next := func() uint64 {
		v, n := binary.Uvarint(data)
		if n <= 0 {
			err = errPage
			return 0
		}
		data = data[n:]
		return v
	}
	signed := func() int64 {
		v := next()
		return int64(v>>1) ^ -int64(v&1)
	}
	block, minis, total, v := next(), next(), next(), signed()
	if err == nil && (minis == 0 || minis > 1<<16 || block > 1<<20 || block%minis != 0 || block/minis%8 != 0 || total != uint64(count)) {
		err = fmt.Errorf("%d differences, in blocks of %d by %d, for %d values: the file is damaged, fetch it again", total, block, minis, count)
	}
	if err != nil || count == 0 {
		return nil, data, err
	}
	out = append(make([]int64, 0, count), v)
	per := int(block / minis)
	for len(out) < count {
		least := signed()
		if err != nil || len(data) < int(minis) {
			return nil, nil, errPage
		}
		widths := data[:minis]
		data = data[minis:]
		for _, width := range widths {
			if len(out) == count {
				break // what is left of a block is not written
			}
			bytes := per / 8 * int(width)
			if width > 64 || bytes > len(data) {
				return nil, nil, errPage
			}
			for i := range min(per, count-len(out)) {
				d, err := packed(data, i*int(width), int(width))
				if err != nil {
					return nil, nil, err
				}
				v += least + int64(d)
				out = append(out, v)
			}
			data = data[bytes:]
		}
	}
	return out, data, nil
}

// bitWidth returns the number of bits for levels up to the given maximum.
func bitWidth(most int) int { return bits.Len(uint(most)) }
