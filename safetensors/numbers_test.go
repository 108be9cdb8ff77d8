package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"
)

// half is the value of a float with that many bits of exponent and fraction, from
// the definition.
func half(h uint16, exp, frac int) float64 {
	e, f := int(h>>frac)&(1<<exp-1), float64(h&(1<<frac-1))/float64(int(1)<<frac)
	bias := 1<<(exp-1) - 1
	v := math.Ldexp(1+f, e-bias)
	switch {
	case e == 0:
		v = math.Ldexp(f, 1-bias)
	case e == 1<<exp-1 && f == 0:
		v = math.Inf(1)
	case e == 1<<exp-1:
		return math.NaN()
	}
	if h>>(exp+frac) == 1 {
		v = -v
	}
	return v
}

// Every one of the 65,536 half-precision numbers, read and written again.
func TestEveryHalf(t *testing.T) {
	for h := range 1 << 16 {
		for _, c := range []struct {
			d         DType
			exp, frac int
			to        func(float32) uint16
		}{{F16, 5, 10, toF16}, {BF16, 8, 7, toBF16}} {
			want := half(uint16(h), c.exp, c.frac)
			var got [1]float32
			convert(got[:], binary.LittleEndian.AppendUint16(nil, uint16(h)), c.d)
			if math.IsNaN(want) {
				if got[0] == got[0] || !math.IsNaN(half(c.to(got[0]), c.exp, c.frac)) {
					t.Errorf("%s %04x: a NaN became %g, then %04x", c.d, h, got[0], c.to(got[0]))
				}
			} else if math.Float64bits(float64(got[0])) != math.Float64bits(want) || c.to(got[0]) != uint16(h) {
				t.Errorf("%s %04x: %g and %04x, want %g", c.d, h, got[0], c.to(got[0]), want)
			}
		}
	}
}

// Rounding to nearest, ties to even: at, just below and just above every middle
// between two neighbours, from float32 and from float64, where rounding twice would
// be wrong.
func TestRounding(t *testing.T) {
	for _, c := range []struct {
		d         DType
		exp, frac int
		last      uint16 // the largest finite one
	}{{F16, 5, 10, 0x7bff}, {BF16, 8, 7, 0x7f7f}} {
		for h := range c.last {
			a, b := half(h, c.exp, c.frac), half(h+1, c.exp, c.frac)
			middle := (a + b) / 2
			even := h + h&1
			for _, p := range []struct {
				v    float64
				want uint16
			}{
				{middle, even}, {math.Nextafter(middle, 0), h}, {math.Nextafter(middle, math.Inf(1)), h + 1}, {a, h},
				{float64(math.Nextafter32(float32(middle), 0)), h}, {float64(math.Nextafter32(float32(middle), math.MaxFloat32)), h + 1},
			} {
				for _, sign := range []float64{1, -1} {
					want := p.want | uint16(map[float64]int{1: 0, -1: 1 << 15}[sign])
					if math.IsInf(half(p.want, c.exp, c.frac), 0) {
						continue
					}
					out, _ := Append(nil, []float64{sign * p.v}, c.d)
					if got := binary.LittleEndian.Uint16(out); got != want {
						t.Fatalf("%s: %g became %04x, want %04x", c.d, sign*p.v, got, want)
					}
					if float64(float32(p.v)) == p.v {
						out, _ = Append(nil, []float32{float32(sign * p.v)}, c.d)
						if got := binary.LittleEndian.Uint16(out); got != want {
							t.Fatalf("%s from float32: %g became %04x, want %04x", c.d, sign*p.v, got, want)
						}
					}
				}
			}
		}
	}
}

// write is a file with one tensor.
func write[T Float](t testing.TB, d DType, data ...T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, nil, []Entry[T]{{Name: "x", DType: d, Shape: []int{len(data)}, Data: data}}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func open(t testing.TB, file []byte) *File {
	t.Helper()
	f, err := Read(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestTooLargeToWrite(t *testing.T) {
	for _, c := range []struct {
		d       DType
		v       float64
		refused bool
	}{
		{F16, 65504, false}, {F16, 65519.99, false}, {F16, 65520, true}, {F16, -1e300, true}, {F16, math.Inf(1), false}, {F16, 1e-300, false},
		{BF16, 3.3895e38, false}, {BF16, math.MaxFloat32, true}, {BF16, 1e39, true}, {BF16, math.Inf(-1), false}, {F32, math.MaxFloat32, false}, {F32, 3.5e38, true}, {F64, math.MaxFloat64, false},
	} {
		err := Write(io.Discard, nil, []Entry[float64]{{Name: "x", DType: c.d, Shape: []int{2}, Data: []float64{1, c.v}}})
		if (err != nil) != c.refused || err != nil && !strings.Contains(err.Error(), `tensor "x": `) {
			t.Errorf("%s %g: %v", c.d, c.v, err)
		}
	}
}

// Every type that is read, from its extremes.
func TestDecode(t *testing.T) {
	le := binary.LittleEndian
	u := func(vs ...uint64) func(size int) []byte {
		return func(size int) (b []byte) {
			for _, v := range vs {
				b = append(b, le.AppendUint64(nil, v)[:size]...)
			}
			return b
		}
	}
	for _, c := range []struct {
		d    DType
		data func(size int) []byte
		want []float64
	}{
		{Bool, u(0, 1), []float64{0, 1}}, {U8, u(0, 255), []float64{0, 255}}, {I8, u(127, 128, 255), []float64{127, -128, -1}},
		{U16, u(0, 65535), []float64{0, 65535}}, {I16, u(32767, 32768), []float64{32767, -32768}},
		{U32, u(0, 1<<32-1), []float64{0, 1<<32 - 1}}, {I32, u(1<<31-1, 1<<31), []float64{1<<31 - 1, -1 << 31}},
		{U64, u(0, 1<<53, 1<<63), []float64{0, 1 << 53, 1 << 63}}, {I64, u(1<<53, 1<<63, 1<<64-1), []float64{1 << 53, -1 << 63, -1}},
		{F64, u(math.Float64bits(math.Pi), math.Float64bits(-5e-324)), []float64{math.Pi, -5e-324}}, {F32, u(0x40490fdb, 1), []float64{float64(math.Float32frombits(0x40490fdb)), 0x1p-149}},
		{F16, u(0x3c00, 0x8001), []float64{1, -0x1p-24}}, {BF16, u(0x3f80, 1), []float64{1, 0x1p-133}},
	} {
		data := c.data(c.d.Bits() / 8)
		h := `{"x":{"dtype":"` + string(c.d) + `","shape":[` + string(rune('0'+len(c.want))) + `],"data_offsets":[0,` + big.NewInt(int64(len(data))).String() + `]}}`
		f := open(t, append(fileOf(h, 0), data...))
		x, _ := f.Lookup("x")
		got := make([]float64, x.Len())
		if err := Decode(f, x, 0, got); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v", c.d, got, err)
		}
		if err := Decode(f, x, 1, got[:1]); err != nil || got[0] != c.want[1] {
			t.Errorf("%s: from 1: %v, %v", c.d, got, err)
		}
		if raw, err := io.ReadAll(f.Raw(x)); err != nil || !bytes.Equal(raw, data) {
			t.Errorf("%s: raw: %x, %v", c.d, raw, err)
		}
	}
	for _, c := range []struct {
		d    DType
		v    uint64
		wide bool // fits a float64
	}{
		{I64, 1<<53 + 1, false}, {I64, 1<<63 - 1, false}, {U64, 1<<64 - 1, false}, {U64, 1<<63 + 1, false}, {I32, 1<<24 + 1, true}, {U32, 1<<32 - 1, true}, {F64, math.Float64bits(3.5e38), true}, {I64, 1<<24 + 1, true},
	} {
		size := c.d.Bits() / 8
		h := `{"x":{"dtype":"` + string(c.d) + `","shape":[],"data_offsets":[0,` + string(rune('0'+size)) + `]}}`
		f := open(t, append(fileOf(h, 0), le.AppendUint64(nil, c.v)[:size]...))
		x, _ := f.Lookup("x")
		if err := Decode(f, x, 0, make([]float32, 1)); err == nil || !strings.Contains(err.Error(), `tensor "x": element 0`) {
			t.Errorf("%s %d as float32: %v", c.d, c.v, err)
		}
		if err := Decode(f, x, 0, make([]float64, 1)); (err == nil) != c.wide {
			t.Errorf("%s %d as float64: %v", c.d, c.v, err)
		}
	}
	f := open(t, fileOf(`{"x":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}}`, 8))
	if err := Decode(f, f.Tensors[0], 0, make([]float32, 8)); err == nil || !strings.Contains(err.Error(), "F8_E4M3 are not read") {
		t.Errorf("F8: %v", err)
	}
	if _, ok := f.Lookup("y"); ok {
		t.Error("found what is not there")
	}
	mustPanic(t, "safetensors.Decode: elements 1 to 9", func() { Decode(f, f.Tensors[0], 1, make([]float32, 8)) })
	mustPanic(t, "safetensors.Convert: 7 bytes", func() { Convert(make([]float32, 2), make([]byte, 7), F32) })
	mustPanic(t, "safetensors.Append: numbers of type", func() { Append(nil, []float32{1}, U8) })
	if err := Convert(make([]float32, 2), make([]byte, 8), F32); err != nil {
		t.Error(err)
	}
	if err := Convert(make([]float32, 1), le.AppendUint64(nil, 1<<60+1), I64); err == nil {
		t.Error("2⁶⁰+1 as float32")
	}
	mustPanic(t, "safetensors.Decode: elements -1", func() { Decode(f, f.Tensors[0], -1, make([]float32, 8)) })
}

func mustPanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		if r, _ := recover().(string); !strings.Contains(r, want) {
			t.Errorf("panicked with %q, want %q", r, want)
		}
	}()
	f()
}

// A file that shrinks after its header was read is an error, wherever it ends.
func TestFileShrinks(t *testing.T) {
	data := make([]float32, chunk)
	file := write(t, F32, data...)
	for _, n := range []int{0, 7, 8, 20, 80, 100, len(file) / 2, len(file) - 1} {
		f, err := Read(bytes.NewReader(file[:n]), int64(len(file)))
		if err == nil {
			err = Decode(f, f.Tensors[0], 0, data)
		}
		if e, ok := errors.AsType[*formatError](err); !ok || e.reason != reasonUnreadable || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
}
