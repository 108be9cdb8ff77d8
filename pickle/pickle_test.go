package pickle

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/safetensors"
)

// torchNames are what torch calls the types.
var torchNames = map[safetensors.DType]string{
	safetensors.F32: "float32", safetensors.F16: "float16", safetensors.BF16: "bfloat16", safetensors.F64: "float64", safetensors.I64: "int64",
	safetensors.I32: "int32", safetensors.I16: "int16", safetensors.I8: "int8", safetensors.U8: "uint8", safetensors.Bool: "bool",
}

func open(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func read(data []byte) (*File, error) { return Read(bytes.NewReader(data), int64(len(data))) }

// What torch saved, in both forms and with three protocols, is what it holds: names,
// types, shapes and every number, of views of shared numbers too (testdata/make.py).
func TestAsTheReference(t *testing.T) {
	var golden []struct {
		File    string `json:"file"`
		Tensors []struct {
			Name   string    `json:"name"`
			DType  string    `json:"dtype"`
			Shape  []int     `json:"shape"`
			Values []float64 `json:"values"`
		} `json:"tensors"`
	}
	if err := json.Unmarshal(open(t, "tensors.json"), &golden); err != nil || len(golden) != 9 {
		t.Fatal(len(golden), err)
	}
	for _, g := range golden {
		f, err := read(open(t, g.File))
		if err != nil {
			t.Errorf("%s: %v", g.File, err)
			continue
		}
		if len(f.Tensors) != len(g.Tensors) {
			t.Errorf("%s: %d tensors of %d", g.File, len(f.Tensors), len(g.Tensors))
			continue
		}
		for i, want := range g.Tensors {
			x := f.Tensors[i]
			if x.Name != want.Name || torchNames[x.DType] != want.DType || !slices.Equal(x.Shape, want.Shape) || x.Len() != len(want.Values) {
				t.Errorf("%s: %q %s %v, torch has %q %s %v", g.File, x.Name, x.DType, x.Shape, want.Name, want.DType, want.Shape)
				continue
			}
			wide, narrow := make([]float64, x.Len()), make([]float32, x.Len())
			if err := Decode(f, x, 0, wide); err != nil || !slices.Equal(wide, want.Values) {
				t.Errorf("%s: %s is %v, %v; torch has %v", g.File, x.Name, wide, err, want.Values)
			}
			if err := Decode(f, x, 0, narrow); err != nil {
				t.Errorf("%s: %s: %v", g.File, x.Name, err)
			}
			for first := range x.Len() { // any part is that of the whole
				part := make([]float32, (x.Len()-first+1)/2)
				if err := Decode(f, x, first, part); err != nil || !slices.Equal(part, narrow[first:first+len(part)]) {
					t.Errorf("%s: %s from %d on is %v, %v", g.File, x.Name, first, part, err)
				}
			}
			for j, v := range narrow {
				if v != float32(want.Values[j]) {
					t.Errorf("%s: %s has %g in the place of %g", g.File, x.Name, v, want.Values[j])
				}
			}
		}
	}
}

// packed is a container with this program and one storage of four float32, as torch
// writes them.
func packed(t testing.TB, program string, more ...func(*zip.Writer)) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	add := func(name, content string) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = w.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	add("m/data.pkl", program)
	add("m/data/0", strings.Repeat("\x00\x00\x80\x3f", 4))
	for _, m := range more {
		m(z)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// The pieces of a program that saves one tensor, "w", of two numbers of the storage.
const (
	begin    = "\x80\x02}X\x01\x00\x00\x00w"
	function = "ctorch._utils\n_rebuild_tensor_v2\n"
	held     = "((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQ"
	rest     = "K\x00K\x02\x85K\x01\x85\x89}tR"
	end      = "s."
	good     = begin + function + held + rest + end
)

// A file that asks for anything but tensors is refused by the name of what it asks
// for, and nothing of it is run.
func TestHostile(t *testing.T) {
	if f, err := read(packed(t, good)); err != nil || len(f.Tensors) != 1 || f.Tensors[0].Name != "w" || f.Tensors[0].Len() != 2 {
		t.Fatalf("the program that the others are made from: %v", err)
	}
	marker := filepath.Join(t.TempDir(), "was-run")
	says := map[string]string{
		// Code.
		"\x80\x02cposix\nsystem\n(X\x05\x00\x00\x00touchtR.":                                           `it names "posix.system"`,
		"\x80\x02cos\nsystem\n(X\x04\x00\x00\x00true\x85R.":                                            `it names "os.system"`,
		"\x80\x02cbuiltins\neval\n" + fmt.Sprintf("X%c\x00\x00\x00%s", len(marker), marker) + "\x85R.": `it names "builtins.eval"`,
		"\x80\x02c__builtin__\nexec\n.":                                                                `it names "__builtin__.exec"`,
		"\x80\x04\x8c\x05posix\x8c\x06system\x93.":                                                     `it names "posix.system"`,
		"\x80\x02ctorch\nload\n.":                                                                      `it names "torch.load"`,
		"\x80\x02ctorch.hub\nload\n.":                                                                  `it names "torch.hub.load"`,
		"\x80\x02ctorch._utils\n_rebuild_tensor_v2.__globals__\n.":                                     "_rebuild_tensor_v2.__globals__",
		"\x80\x02cnumpy.core.multiarray\n_reconstruct\n.":                                              "numpy.core.multiarray._reconstruct",
		"\x80\x02ccollections\nOrderedDict\n\x81.":                                                     "the instruction 0x81",
		"\x80\x02(ios\nsystem\n.":                                                                      "the instruction 0x69", // INST
		"\x80\x02(cos\no.":                                                                             "is longer than",
		"\x80\x02\x82\x01.":                                                                            "the instruction 0x82", // EXT1
		"\x80\x02P0\n.":                                                                                "the instruction 0x50", // PERSID
		"\x80\x05\x97.":                                                                                "the instruction 0x97", // NEXT_BUFFER
		begin + function + held + "K\x00K\x02\x85K\x01\x85\x89}X\x04\x00\x00\x00hookK\x01stR" + end: "a tensor with hooks",
		begin + "}}R" + end:                               "a call of something that is no function",
		begin + function + ")R" + end:                     "a tensor of 0 values",
		begin + "ctorch\nFloatStorage\n)R" + end:          "a call of torch.FloatStorage",
		begin + "ccollections\nOrderedDict\n]\x85R" + end: "a call of collections.OrderedDict",
		begin + "}K\x01b" + end:                           "a state that is not a dictionary",
		begin + function + "}b" + end:                     "a dictionary is expected",
		// Shapes that the storage does not hold.
		begin + function + held + "K\x00K\x05\x85K\x01\x85\x89}tR" + end:                                                                             "and its storage has 4 numbers",
		begin + function + held + "K\x03K\x02\x85K\x01\x85\x89}tR" + end:                                                                             "reaches beyond the 4",
		begin + function + held + "K\x05K\x00\x85K\x01\x85\x89}tR" + end:                                                                             "reaches beyond the 4",
		begin + function + held + "K\x00K\x02\x85K\x04\x85\x89}tR" + end:                                                                             "reaches beyond the 4",
		begin + function + held + "J\xff\xff\xff\xffK\x02\x85K\x01\x85\x89}tR" + end:                                                                 "reaches beyond the 4",
		begin + function + held + "K\x00J\xff\xff\xff\xff\x85K\x01\x85\x89}tR" + end:                                                                 "the size -1",
		begin + function + held + "K\x00K\x02\x85J\xff\xff\xff\xff\x85\x89}tR" + end:                                                                 "the stride -1",
		begin + function + held + "K\x00J\xff\xff\xff\x7f\x85K\x00\x85\x89}tR" + end:                                                                 "and its storage has 4 numbers", // a view that repeats numbers
		begin + function + held + "K\x00K\x02\x85\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85\x89}tR" + end:                                          "the stride 9223372036854775807",
		begin + function + held + "K\x00K\x02\x85K\x01K\x01\x86\x89}tR" + end:                                                                        "1 dimensions and 2 strides",
		begin + function + held + "K\x00(K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01t(K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01t\x89}tR" + end: "9 dimensions",
		begin + function + held + "K\x00X\x01\x00\x00\x002\x85K\x01\x85\x89}tR" + end:                                                                "the size 2 and",
		begin + function + held + "K\x00K\x02K\x01\x89}tR" + end:                                                                                     "of other kinds",
		begin + function + strings.Replace(held, "K\x04tQ", "K\x05tQ", 1) + rest + end:                                                               "has 16 bytes, and 5 numbers",
		begin + function + strings.Replace(held, "Float", "Double", 1) + rest + end:                                                                  "has 16 bytes, and 4 numbers of type F64",
		begin + function + strings.Replace(held, "Float", "Untyped", 1) + rest + end:                                                                 `it names "torch.UntypedStorage"`,
		begin + function + strings.Replace(held, "X\x01\x00\x00\x000", "X\x01\x00\x00\x009", 1) + rest + end:                                         `the storage "9" is not in the container`,
		begin + function + strings.Replace(held, "X\x01\x00\x00\x000", "X\x09\x00\x00\x00../../x/0", 1) + rest + end:                                 "is not in the container",
		begin + function + strings.Replace(held, "storage", "storagf", 1) + rest + end:                                                               "not of a storage",
		begin + "K\x01Q" + end: "not of a storage",
		// Dictionaries of something else.
		"\x80\x02].":            "no dictionary of tensors",
		"\x80\x02}.":            "no tensors",
		"\x80\x02}K\x01K\x02s.": "not the name of a tensor",
		begin + "K\x02" + end:   `"w" is no tensor`,
		begin + function + held + rest + "sX\x01\x00\x00\x00w" + function + held + rest + end: `the tensor "w" twice`,
		// Programs that are broken.
		"":                                     "cut short",
		"\x80\x02":                             "cut short",
		"\x80\x06.":                            "protocol 6",
		"\x80\x00.":                            "protocol 0",
		"\x80\x02.":                            "the stack is empty",
		"\x80\x02(.":                           "a mark in the place of a value",
		"\x80\x02}}.":                          "left on the stack",
		"\x80\x02t.":                           "there is no mark",
		"\x80\x02(s.":                          "a mark in the place of a value",
		"\x80\x02s.":                           "the stack is empty",
		"\x80\x02}(K\x01u.":                    "a key without a value",
		"\x80\x02K\x01K\x01K\x01s.":            "a dictionary is expected",
		"\x80\x02}K\x01a.":                     "a list is expected",
		"\x80\x02h\x07.":                       "nothing is remembered as 7",
		"\x80\x02q\x07.":                       "nothing to remember",
		"\x80\x02(q\x00h\x00.":                 "nothing is remembered",
		"\x80\x02X\xff\xff\xff\xff.":           "a text of 4294967295 bytes",
		"\x80\x02X\x05\x00\x00\x00ab":          "cut short",
		"\x80\x02X\x01\x00\x00\x00\xff.":       "not UTF-8",
		"\x80\x02c" + strings.Repeat("a", 300): "longer than 200 bytes",
		"\x80\x02K\x01K\x02\x93.":              "no text",
		good + "more":                          "something follows",
	}
	for program, want := range says {
		_, err := read(packed(t, program))
		if err == nil || !strings.Contains(err.Error(), want) && !(want == "is longer than" && strings.Contains(err.Error(), "cut short")) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v does not say %q", program, err, want)
		}
	}
	if _, err := os.Stat(marker); err == nil {
		t.Error("something was run")
	}
}

// What is asked for is bounded: objects, the stack, the memo, the dictionary.
func TestBounds(t *testing.T) {
	for what, c := range map[string]struct{ program, says string }{
		"objects": {"\x80\x02" + strings.Repeat("}", maxObjects+1), "objects"},
		"marks":   {"\x80\x02" + strings.Repeat("(", maxStack+1), "a stack of more"},
		"entries": {"\x80\x02}" + strings.Repeat("K\x01K\x01s", maxObjects), "objects"},
		"memo":    {"\x80\x04}" + strings.Repeat("\x94", maxMemo+1), "nothing to remember, or more"},
		"tuples":  {"\x80\x02N" + strings.Repeat("q\x00h\x00\x86", maxObjects), "objects"},
		"a bomb":  {"\x80\x02]" + strings.Repeat("q\x00(h\x00h\x00h\x00h\x00t", 200) + ".", "no dictionary of tensors"},
		"a tuple": {"\x80\x02(" + strings.Repeat("N", maxStack-2) + "t" + strings.Repeat("h\x00", 9), "objects"},
	} {
		if what == "a tuple" {
			c.says = "nothing is remembered"
		}
		_, err := read(packed(t, c.program))
		if err == nil || !strings.Contains(err.Error(), c.says) && !strings.Contains(err.Error(), "left on the stack") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Containers that are not as torch writes them.
func TestContainerRefused(t *testing.T) {
	put := func(name, content string, method uint16) func(*zip.Writer) {
		return func(z *zip.Writer) {
			w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: method})
			if err == nil {
				_, err = w.Write([]byte(content))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for says, data := range map[string][]byte{
		`"m/data/0" twice`:               packed(t, good, put("m/data/0", "0123456789abcdef", zip.Store)),
		`"n/data.pkl"`:                   packed(t, good, put("n/data.pkl", good, zip.Store)),
		"byte order \"big\"":             packed(t, good, put("m/byteorder", "big", zip.Store)),
		"is compressed":                  packed(t, strings.Replace(good, "X\x01\x00\x00\x000", "X\x01\x00\x00\x001", 1), put("m/data/1", strings.Repeat("\x00", 16), zip.Deflate)),
		"the container":                  []byte("PK\x03\x04 and no more"),
		"bytes is not one of torch.save": []byte("PK"),
		"neither a zip container":        []byte(`{"a": "json"}`),
	} {
		if _, err := read(data); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v does not say %q", err, says)
		}
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	put("m/other", "x", zip.Store)(z)
	z.Close()
	if _, err := read(out.Bytes()); err == nil || !strings.Contains(err.Error(), "no data.pkl") {
		t.Error(err)
	}
}

// A file that is cut, or of which a bit is another, is an error or other numbers, and
// never a panic; of the old form every cut is an error.
func TestDamaged(t *testing.T) {
	for _, name := range []string{"views.bin", "views-old.bin", "types-old.bin", "protocol-4.bin"} {
		whole := open(t, name)
		for at := range whole {
			if _, err := read(whole[:at]); err == nil {
				t.Errorf("%s: %d bytes of %d are read", name, at, len(whole))
			}
			damaged := bytes.Clone(whole)
			damaged[at] ^= 1 << (at % 8)
			all(damaged)
		}
	}
}

// all reads every number of a file, if it can be read.
func all(data []byte) {
	f, err := read(data)
	if err != nil {
		return
	}
	for _, x := range f.Tensors {
		if x.Len() > len(data) {
			panic(fmt.Sprintf("%d numbers in %d bytes", x.Len(), len(data)))
		}
		Decode(f, x, 0, make([]float64, x.Len()))
	}
}

// No file makes the machine panic, or gives more numbers than it has bytes.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"plain.bin", "old.bin", "views.bin", "views-old.bin", "types-old.bin", "protocol-4.bin", "nested.bin"} {
		f.Add(open(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) { all(data) })
}

// No program does, either: the container's directory need not be guessed.
func FuzzProgram(f *testing.F) {
	f.Add([]byte(good))
	for _, name := range []string{"plain.bin", "protocol-5.bin", "nested.bin"} {
		data := open(f, name)
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			f.Fatal(err)
		}
		for _, e := range z.File {
			if strings.HasSuffix(e.Name, "data.pkl") {
				program, err := entry(e, math.MaxUint32)
				if err != nil {
					f.Fatal(err)
				}
				f.Add(program)
			}
		}
	}
	f.Fuzz(func(t *testing.T, program []byte) { all(packed(t, string(program))) })
}
