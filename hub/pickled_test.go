package hub

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const pickledDir = "../testdata/pickled"

// The same model in each form that torch saves is the same numbers, to the bit
// (testdata/pickled/make.py).
func TestPickledWeights(t *testing.T) {
	want, err := LoadModel(filepath.Join(pickledDir, "safe"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"zip", "old", "sharded", "wrapped"} {
		dir := filepath.Join(pickledDir, name)
		got, err := LoadModel(dir)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.Params.Config != want.Params.Config || !slices.Equal(got.Params.Slab, want.Params.Slab) {
			t.Errorf("%s: %+v, or other numbers", name, got.Params.Config)
		}
		d, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range d.Tensors {
			if x.Ours == "" && x.Note == "" || x.Bytes() != int64(x.Len()*x.DType.Bits()/8) || x.Len() == 0 {
				t.Errorf("%s: %s is %s %v, %d bytes, read as %q", name, x.Name, x.DType, x.Shape, x.Bytes(), x.Ours)
			}
		}
		d.Close()
	}
	// safetensors goes before a pickle that stands beside it.
	dir := t.TempDir()
	for _, f := range [][2]string{{"safe", configFile}, {"safe", weightsFile}} {
		data, err := os.ReadFile(filepath.Join(pickledDir, f[0], f[1]))
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, f[1]), string(data))
	}
	put(t, filepath.Join(dir, pickledWeights), "no pickle")
	if err := reads(dir); err != nil {
		t.Error(err)
	}
}

// A pickle that asks for anything but tensors is refused, with its file's name.
func TestPickledRefused(t *testing.T) {
	copied := func(from string) string {
		dir := t.TempDir()
		entries, err := os.ReadDir(filepath.Join(pickledDir, from))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			data, err := os.ReadFile(filepath.Join(pickledDir, from, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			put(t, filepath.Join(dir, e.Name()), string(data))
		}
		return dir
	}
	for says, damage := range map[string]func(dir string){
		`pytorch_model.bin: it is neither a zip container nor`: func(dir string) {
			put(t, filepath.Join(dir, pickledWeights), "\x80\x02cposix\nsystem\n(X\x04\x00\x00\x00true\x85R.")
		},
		`tensor wte.weight is missing`: func(dir string) {
			replaceIn(t, filepath.Join(dir, pickledWeights), "wte.weight", "wtx.weight")
		},
		"bytes follow the storages": func(dir string) {
			data, _ := os.ReadFile(filepath.Join(dir, pickledWeights))
			put(t, filepath.Join(dir, pickledWeights), string(data)+"x")
		},
	} {
		dir := copied("old")
		damage(dir)
		if err := reads(dir); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v does not say %q", err, says)
		}
	}
	dir := copied("sharded")
	replaceIn(t, filepath.Join(dir, pickledIndex), "pytorch_model-00001-of-00002.bin", "../pytorch_model.bin")
	if err := reads(dir); err == nil || !strings.Contains(err.Error(), "it must be a .bin file beside it") {
		t.Error(err)
	}
	dir = copied("sharded")
	os.Remove(filepath.Join(dir, "pytorch_model-00002-of-00002.bin"))
	if err := reads(dir); err == nil || !strings.Contains(err.Error(), "pytorch_model-00002-of-00002.bin") {
		t.Error(err)
	}
}
