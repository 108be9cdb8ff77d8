package gguf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// numbers are those of testdata/gguf/make.py.
func numbers(n, seed int) []float32 {
	x, out := uint32(seed), make([]float32, n)
	for i := range out {
		x = (x*1103515245 + 12345) & 0x7fffffff
		v := float32(x>>7)/(1<<20) - 8
		switch i % 37 {
		case 0:
			v = 0
		case 5:
			v *= 1.0 / (1 << 20)
		case 9:
			v *= 1.0 / (1 << 26)
		}
		out[i] = v
	}
	return out
}

var referencePairs = []Pair{
	{"general.architecture", "gpt2"},
	{"a.u8", uint8(200)}, {"a.i8", int8(-100)}, {"a.u16", uint16(50000)}, {"a.i16", int16(-30000)}, {"a.u32", uint32(4000000000)},
	{"a.i32", int32(-2000000000)}, {"a.f32", float32(1e-5)}, {"a.bool", true}, {"a.text", "Ġhé ✓"}, {"a.u64", uint64(1 << 63)},
	{"a.i64", int64(-1 << 62)}, {"a.f64", 0.1},
	{"b.texts", []string{"a b", "", "Ċ"}}, {"b.numbers", []int32{1, -3, 70000}}, {"b.floats", []float32{0.5, -0.25}}, {"b.truths", []bool{true, false}},
}

func referenceEntries() []Entry {
	return []Entry{
		{Name: "one", Type: F32, Dims: []int{7}, Data: numbers(7, 3)},
		{Name: "two.weight", Type: F32, Dims: []int{5, 3}, Data: numbers(15, 10)},
		{Name: "half", Type: F16, Dims: []int{33, 4}, Make: func() []float32 { return numbers(132, 4) }},
		{Name: "brain", Type: BF16, Dims: []int{19, 2}, Data: numbers(38, 5)},
		{Name: "eight", Type: Q8_0, Dims: []int{96, 5}, Data: numbers(480, 5)},
	}
}

// What the gguf package writes is what we write, byte for byte, and what we read.
func TestReference(t *testing.T) {
	want, err := os.ReadFile("../testdata/gguf/reference.gguf")
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := Write(&got, referencePairs, referenceEntries()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		at := 0
		for at < min(len(want), got.Len()) && got.Bytes()[at] == want[at] {
			at++
		}
		t.Errorf("%d bytes, want %d; they differ from byte %d on", got.Len(), len(want), at)
	}
	f, err := Read(bytes.NewReader(want), int64(len(want)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(referencePairs, f.Pairs); diff != "" || f.Version != 3 || f.Alignment != 32 {
		t.Errorf("version %d, alignment %d, pairs -want +got:\n%s", f.Version, f.Alignment, diff)
	}
	for _, e := range referenceEntries() {
		tensor, ok := f.Tensor(e.Name)
		if !ok || tensor.Type != e.Type || !slices.EqualFunc(tensor.Dims, e.Dims, func(a uint64, b int) bool { return a == uint64(b) }) {
			t.Fatalf("%s is %+v", e.Name, tensor)
		}
		got := make([]float32, tensor.Elements())
		if err := f.Decode(got, tensor); err != nil {
			t.Fatal(err)
		}
		data := e.Data
		if data == nil {
			data = e.Make()
		}
		// Half of the last place of the largest, 8; and half a step of a block of eight bits, whose scale is rounded too.
		within := map[Type]float64{F32: 0, F16: 4.0 / (1 << 11), BF16: 4.0 / (1 << 8), Q8_0: 8.0/127/2 + 8.0/(1<<11)}[e.Type]
		for i := range got {
			if math.Abs(float64(got[i]-data[i])) > within {
				t.Errorf("%s[%d] is %g, want %g within %g", e.Name, i, got[i], data[i], within)
			}
		}
	}
	if _, ok := f.Tensor("none"); ok {
		t.Error("a tensor that is not there is found")
	}
	if _, ok := f.Lookup("none"); ok {
		t.Error("a key that is not there is found")
	}
}

// Every half-precision number is read as it is and written as it was.
func TestHalf(t *testing.T) {
	for h := range 1 << 16 {
		var v [1]float32
		decode(v[:], []byte{byte(h), byte(h >> 8)}, F16)
		got, err := appendNumbers(nil, v[:], F16)
		if h&0x7c00 == 0x7c00 {
			if !math.IsInf(float64(v[0]), 0) && v[0] == v[0] || err == nil {
				t.Errorf("%#x is %g, %v", h, v[0], err)
			}
			continue
		}
		if err != nil || binary.LittleEndian.Uint16(got) != uint16(h) {
			t.Errorf("%#x is %g, which is written as %x, %v", h, v[0], got, err)
		}
	}
	for v, want := range map[float32]uint16{65519: 0x7bff, 2049: 0x6800, 2051: 0x6802, 3e-8: 1, 2e-8: 0} {
		if got, err := appendNumbers(nil, []float32{v}, F16); err != nil || binary.LittleEndian.Uint16(got) != want {
			t.Errorf("%g is written as %x, %v, want %#x", v, got, err, want)
		}
	}
	block := make([]float32, q8Block)
	for _, c := range []struct {
		v float32
		t Type
	}{{65520, F16}, {1e30, F16}, {-1e30, F16}, {math.MaxFloat32, BF16}, {-65520 * 127, Q8_0}} {
		block[3] = c.v
		if _, err := appendNumbers(nil, block, c.t); err == nil || !strings.Contains(err.Error(), "too large for") {
			t.Errorf("%g as %s: %v", c.v, c.t, err)
		}
	}
}

// A builder makes headers, right and wrong.
type builder struct{ bytes.Buffer }

func (b *builder) u32(vs ...uint32) *builder {
	for _, v := range vs {
		b.Write(binary.LittleEndian.AppendUint32(nil, v))
	}
	return b
}

func (b *builder) u64(vs ...uint64) *builder {
	for _, v := range vs {
		b.Write(binary.LittleEndian.AppendUint64(nil, v))
	}
	return b
}

func (b *builder) text(s string) *builder { b.u64(uint64(len(s))); b.WriteString(s); return b }

func head(tensors, pairs uint64) *builder {
	b := &builder{}
	b.WriteString("GGUF")
	return b.u32(3).u64(tensors, pairs)
}

// tensor adds a tensor to the list.
func (b *builder) tensor(name string, dims []uint64, t Type, offset uint64) *builder {
	return b.text(name).u32(uint32(len(dims))).u64(dims...).u32(uint32(t)).u64(offset)
}

// pad fills up to a multiple of 32, and adds n bytes.
func (b *builder) pad(n int) []byte {
	for b.Len()%32 != 0 {
		b.WriteByte(0)
	}
	return append(b.Bytes(), make([]byte, n)...)
}

// Each bad file is refused with an error of its own, for its reason.
func TestBadFiles(t *testing.T) {
	const huge = math.MaxUint64
	one := []uint64{1}
	for name, test := range map[string]struct {
		file []byte
		says string
	}{
		"empty":                   {nil, "a file of 0 bytes is not GGUF"},
		"another file":            {[]byte(strings.Repeat("safetensors ", 3)), "not a GGUF file"},
		"version 1":               {append([]byte("GGUF\x01\x00\x00\x00"), make([]byte, 16)...), "version 1: versions 2 and 3 are read"},
		"version 0":               {append([]byte("GGUF\x00\x00\x00\x00"), make([]byte, 16)...), "version 0"},
		"big endian":              {append([]byte("GGUF\x00\x00\x00\x03"), make([]byte, 16)...), "the other byte order"},
		"2^64-1 tensors":          {head(huge, 0).Bytes(), "18446744073709551615 tensors: at most 65536"},
		"2^64-1 keys":             {head(0, huge).Bytes(), "18446744073709551615 keys: at most 65536"},
		"65,536 keys of nothing":  {head(0, 65536).Bytes(), "cut short"},
		"a key of 2^64-1 bytes":   {head(0, 1).u64(huge).Bytes(), "cut short: 18446744073709551615 bytes are due"},
		"a key of 2^63 bytes":     {head(0, 1).u64(1 << 63).Bytes(), "cut short"},
		"an empty key":            {head(0, 1).text("").u32(kindU8).Bytes(), `the key ""`},
		"a key that is not UTF-8": {head(0, 1).text("\xff").u32(kindU8).Bytes(), "of UTF-8"},
		"a long key":              {head(0, 1).text(strings.Repeat("a", 65536)).u32(kindU8).Bytes(), "of UTF-8"},
		"a key twice":             {head(0, 2).text("a").u32(kindU32, 1).text("a").u32(kindU32, 2).Bytes(), `the key "a" twice`},
		"kind 13":                 {head(0, 1).text("a").u32(13).u64(0).Bytes(), "a value of kind 13"},
		"a text of 2^64-1":        {head(0, 1).text("a").u32(kindString).u64(huge).Bytes(), "cut short"},
		"a text not in UTF-8":     {head(0, 1).text("a").u32(kindString).text("\xc3").Bytes(), "not UTF-8"},
		"a truth of 2":            {append(head(0, 1).text("a").u32(kindBool).Bytes(), 2), "a truth value of 2"},
		"2^64-1 numbers":          {head(0, 1).text("a").u32(kindArray, kindU8).u64(huge).Bytes(), "an array of 18446744073709551615"},
		"2^62 numbers of 8 bytes": {head(0, 1).text("a").u32(kindArray, kindU64).u64(1 << 62).Bytes(), "an array of 4611686018427387904"},
		"10^9 texts":              {head(0, 1).text("a").u32(kindArray, kindString).u64(1e9).Bytes(), "cut short"},
		"3 texts of which 2":      {head(0, 1).text("a").u32(kindArray, kindString).u64(3).text("").text("").u64(1 << 40).Bytes(), "cut short"},
		"an array of arrays":      {head(0, 1).text("a").u32(kindArray, kindArray).u64(1).Bytes(), "an array of kind 9"},
		"alignment 0":             {head(0, 1).text(alignmentKey).u32(kindU32, 0).Bytes(), "a power of two"},
		"alignment 24":            {head(0, 1).text(alignmentKey).u32(kindU32, 24).Bytes(), "a power of two"},
		"alignment 2^31":          {head(0, 1).text(alignmentKey).u32(kindU32, 1<<31).Bytes(), "a power of two"},
		"alignment as a text":     {head(0, 1).text(alignmentKey).u32(kindString).text("32").Bytes(), "a power of two"},
		"no tensor but data":      {head(0, 0).pad(1), "follow the header of a file without tensors"},
		"a tensor without name":   {head(1, 0).tensor("", one, F32, 0).pad(4), `the tensor ""`},
		"a name of 64":            {head(1, 0).tensor(strings.Repeat("a", 64), one, F32, 0).pad(4), "1 to 63 bytes"},
		"a name of 2^40":          {head(1, 0).u64(1 << 40).Bytes(), "cut short"},
		"5 dimensions":            {head(1, 0).tensor("a", []uint64{1, 1, 1, 1, 1}, F32, 0).pad(4), "5 dimensions: at most 4"},
		"2^32-1 dimensions":       {head(1, 0).text("a").u32(math.MaxUint32).Bytes(), "4294967295 dimensions"},
		"a dimension of 2^64-1":   {head(1, 0).tensor("a", []uint64{huge}, F32, 0).pad(4), "a dimension of"},
		"a product that wraps":    {head(1, 0).tensor("a", []uint64{4194305, 4194305, 211106198978564}, F32, 0).pad(16), "overflows"},
		"bytes that wrap":         {head(1, 0).tensor("a", []uint64{1 << 60}, F32, 0).pad(4), "overflows"},
		"0 times 2^63":            {head(1, 0).tensor("a", []uint64{0, 1 << 62, 1 << 62}, F32, 0).pad(1), "the tensors end at byte"},
		"10^18 zeros in 4 bytes":  {head(1, 0).tensor("a", []uint64{1e9, 1e8}, F32, 0).pad(4), "cut short, or not"},
		"type 4":                  {head(1, 0).tensor("a", one, 4, 0).pad(4), "type 4 is not one of ggml's"},
		"type 2^32-1":             {head(1, 0).tensor("a", one, math.MaxUint32, 0).pad(4), "type 4294967295"},
		"half a block":            {head(1, 0).tensor("a", []uint64{16}, Q8_0, 0).pad(34), "not whole blocks of 32"},
		"a tensor twice":          {head(2, 0).tensor("a", one, F32, 0).tensor("a", one, F32, 32).pad(36), `the tensor "a" twice`},
		"a hole":                  {head(2, 0).tensor("a", one, F32, 0).tensor("b", one, F32, 64).pad(68), "begins at byte 64, and 32 is due"},
		"an overlap":              {head(2, 0).tensor("a", one, F32, 0).tensor("b", one, F32, 0).pad(36), "begins at byte 0, and 32 is due"},
		"an offset of 2^64-1":     {head(1, 0).tensor("a", one, F32, huge).pad(4), "begins at byte 18446744073709551615"},
		"a sum that wraps":        {head(2, 0).tensor("a", []uint64{1 << 58}, F32, 0).tensor("b", []uint64{1 << 58}, F32, 1<<60).pad(4), "overflow"},
		"a byte too few":          {head(1, 0).tensor("a", one, F32, 0).pad(3), "cut short"},
		"a byte too many":         {head(1, 0).tensor("a", one, F32, 0).pad(33), "the tensors end at byte"},
	} {
		f, err := Read(bytes.NewReader(test.file), int64(len(test.file)))
		if err == nil {
			t.Errorf("%s: accepted: %+v", name, f)
		} else if !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %q does not say %q", name, err, test.says)
		}
	}
	// Their twins that are right.
	for name, file := range map[string][]byte{
		"nothing":         head(0, 0).Bytes(),
		"nothing, padded": head(0, 0).pad(0),
		"a number":        head(1, 0).tensor("a", one, F32, 0).pad(4),
		"padded":          head(1, 0).tensor("a", one, F32, 0).pad(32),
		"no rows":         head(1, 0).tensor("a", []uint64{0, 5}, F32, 0).pad(0),
		"version 2":       append([]byte("GGUF\x02\x00\x00\x00"), make([]byte, 16)...),
	} {
		if _, err := Read(bytes.NewReader(file), int64(len(file))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A file that is cut short anywhere is refused, as is one whose size is a lie.
func TestCutShort(t *testing.T) {
	whole, err := os.ReadFile("../testdata/gguf/reference.gguf")
	if err != nil {
		t.Fatal(err)
	}
	end := len(whole)
	for end > 0 && whole[end-1] == 0 {
		end-- // the padding may be missing
	}
	for n := range end {
		if _, err := Read(bytes.NewReader(whole[:n]), int64(n)); err == nil {
			t.Errorf("the first %d of %d bytes are accepted", n, len(whole))
		}
	}
	f, err := Read(bytes.NewReader(whole), int64(len(whole)))
	if err != nil {
		t.Fatal(err)
	}
	for n := 24; n < int(f.start)-32; n += 7 {
		if _, err := Read(bytes.NewReader(whole[:n]), int64(len(whole))); err == nil || !strings.Contains(err.Error(), "became shorter") {
			t.Errorf("a file that became shorter than its header, at %d: %v", n, err)
		}
	}
	f.r = bytes.NewReader(whole[:f.start])
	if err := f.Decode(make([]float32, 7), f.Tensors[0]); err == nil || !strings.Contains(err.Error(), "cut short") {
		t.Errorf("numbers that are gone: %v", err)
	}
	if err := f.Decode(make([]float32, 1), Tensor{Name: "a", Type: 24, Dims: []uint64{1}}); err == nil || !strings.Contains(err.Error(), "of type I8") {
		t.Errorf("numbers of another type: %v", err)
	}
	long := append(head(0, 1).text("a").u32(kindString).Bytes(), binary.LittleEndian.AppendUint64(nil, maxHeader)...)
	if _, err := Read(io.NewSectionReader(zeros(long), 0, 1<<40), 1<<40); err == nil || !strings.Contains(err.Error(), "more than 33554432 bytes") {
		t.Errorf("a header beyond the limit: %v", err)
	}
	if _, err := Read(broken{}, 100); err == nil || !strings.Contains(err.Error(), "the disk") {
		t.Errorf("a disk that fails: %v", err)
	}
}

// zeros is a file of some bytes and then zeros without end.
type zeros []byte

func (z zeros) ReadAt(p []byte, at int64) (int, error) {
	clear(p)
	if at < int64(len(z)) {
		copy(p, z[at:])
	}
	return len(p), nil
}

type broken struct{}

func (broken) ReadAt([]byte, int64) (int, error) { return 0, errors.New("the disk failed") }

func TestWriteErrors(t *testing.T) {
	inf := float32(math.Inf(1))
	for name, test := range map[string]struct {
		pairs   []Pair
		entries []Entry
		says    string
	}{
		"a key twice":       {[]Pair{{"a", true}, {"a", true}}, nil, "occurs once"},
		"no key":            {[]Pair{{"", true}}, nil, "of 1 to"},
		"a text not UTF-8":  {[]Pair{{"a", "\xff"}}, nil, `key "a"`},
		"texts not UTF-8":   {[]Pair{{"a", []string{"\xff"}}}, nil, `key "a"`},
		"a name twice":      {nil, []Entry{{"a", F32, []int{0}, nil, nil}, {"a", F32, []int{0}, nil, nil}}, "occurs once"},
		"a long name":       {nil, []Entry{{strings.Repeat("a", 64), F32, []int{0}, nil, nil}}, "1 to 63"},
		"half a block":      {nil, []Entry{{"a", Q8_0, []int{31}, make([]float32, 31), nil}}, "whole blocks"},
		"too large for F16": {nil, []Entry{{"a", F16, []int{1}, []float32{1e6}, nil}}, "too large for F16"},
		"infinite":          {nil, []Entry{{"a", BF16, []int{1}, []float32{inf}, nil}}, "it holds +Inf"},
		"not a number":      {nil, []Entry{{"a", Q8_0, []int{32}, slices.Repeat([]float32{inf - inf}, 32), nil}}, "it holds NaN"},
	} {
		if err := Write(io.Discard, test.pairs, test.entries); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
	for limit := range 200 {
		if err := Write(&full{limit}, referencePairs, referenceEntries()); err == nil {
			t.Errorf("a disk with room for %d writes: no error", limit)
			break
		}
		if limit == 9 {
			break // header, five tensors, and their padding
		}
	}
	for name, write := range map[string]func() error{
		"numbers of another count": func() error { return Write(io.Discard, nil, []Entry{{"a", F32, []int{2}, make([]float32, 1), nil}}) },
		"another type":             func() error { return Write(io.Discard, nil, []Entry{{"a", 2, []int{32}, make([]float32, 32), nil}}) },
		"a value of another type":  func() error { return Write(io.Discard, []Pair{{"a", 1}}, nil) },
		"room for another count":   func() error { return new(File).Decode(nil, Tensor{Dims: []uint64{1}}) },
	} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.HasPrefix(fmt.Sprint(r), "gguf.") {
					t.Errorf("%s: no panic, or %v", name, r)
				}
			}()
			t.Errorf("%s: %v", name, write())
		}()
	}
	// All other kinds of arrays, and an alignment of one's own.
	pairs := []Pair{{alignmentKey, uint32(64)}, {"a", []uint8{1}}, {"b", []int8{-1}}, {"c", []uint16{1}}, {"d", []int16{-1}}, {"e", []uint32{1}},
		{"f", []uint64{1}}, {"g", []int64{-1}}, {"h", []float64{0.1}}, {"i", false}, {"j", []string{}}}
	var b bytes.Buffer
	if err := Write(&b, pairs, []Entry{{"a", F32, nil, []float32{7}, nil}}); err != nil {
		t.Fatal(err)
	}
	f, err := Read(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil || f.Alignment != 64 || f.start%64 != 0 {
		t.Fatalf("%+v, %v", f, err)
	}
	if diff := cmp.Diff(pairs, f.Pairs); diff != "" {
		t.Error(diff)
	}
	if s := Type(77).String(); s != "type 77" {
		t.Error(s)
	}
	if n := f.Tensors[0].Bytes(); n != 4 {
		t.Errorf("a number has %d bytes", n)
	}
}

// full is a disk with room for so many writes.
type full struct{ left int }

func (f *full) Write(p []byte) (int, error) {
	if f.left == 0 {
		return 0, errors.New("the disk is full")
	}
	f.left--
	return len(p), nil
}
