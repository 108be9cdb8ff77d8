package parquet

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// goldens are the files of testdata/make.py, without their ending.
func goldens(t testing.TB) (names []string) {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.parquet")
	if err != nil || len(paths) < 5 {
		t.Fatalf("%v, %v", paths, err)
	}
	for _, p := range paths {
		names = append(names, strings.TrimSuffix(p, ".parquet"))
	}
	return names
}

// plainly is v as encoding/json reads it.
func plainly(t *testing.T, v any) any {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case []any:
		out := []any{}
		for _, e := range v {
			out = append(out, plainly(t, e))
		}
		return out
	case Struct:
		out := map[string]any{}
		for _, f := range v {
			out[f.Name] = plainly(t, f.Value)
		}
		return out
	case []byte, Unread:
		t.Errorf("%T", v)
	}
	return v
}

// TestRead holds every value against what pyarrow reads from the same file.
func TestRead(t *testing.T) {
	for _, name := range goldens(t) {
		data, err := os.ReadFile(name + ".parquet")
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.Open(name + ".jsonl")
		if err != nil {
			t.Fatal(err)
		}
		defer want.Close()
		lines := bufio.NewScanner(want)
		f, err := Open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		rows := int64(0)
		err = f.Read(f.Columns(), func(row int64, values []any) error {
			if row != rows || !lines.Scan() {
				t.Fatalf("%s: row %d after %d", name, row, rows)
			}
			rows++
			var want map[string]any
			if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
				t.Fatal(err)
			}
			got := map[string]any{}
			for i, c := range f.Columns() {
				got[c] = plainly(t, values[i])
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%s, row %d:\n%v\nnot\n%v", name, row, got, want)
			}
			return nil
		})
		if err != nil || rows != f.Rows() || rows == 0 || lines.Scan() {
			t.Errorf("%s: %d rows of %d, %v", name, rows, f.Rows(), err)
		}
		if strings.Contains(name, "chats") && (!f.AllNull("source") || f.AllNull("id") || f.AllNull("messages")) {
			t.Errorf("%s: which columns are null", name)
		}
		// A column alone, and the last before the first.
		names := slices.Clone(f.Columns())
		slices.Reverse(names)
		count := int64(0)
		if err := f.Read(names[:2], func(int64, []any) error { count++; return nil }); err != nil || count != rows {
			t.Errorf("%s: %d rows of %v, %v", name, count, names[:2], err)
		}
		if err := f.Read([]string{"absent"}, nil); err == nil || !strings.Contains(err.Error(), `no column "absent"`) {
			t.Errorf("%v", err)
		}
	}
}

// readAll reads every column of a file that may be anything.
func readAll(data []byte) (rows int64, err error) {
	f, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return 0, err
	}
	err = f.Read(f.Columns(), func(int64, []any) error { rows++; return nil })
	return rows, err
}

// TestDamaged cuts files at every length, and changes every byte of them: each is read,
// or refused with an error of one line, and never a panic.
func TestDamaged(t *testing.T) {
	for _, name := range goldens(t) {
		data, err := os.ReadFile(name + ".parquet")
		if err != nil {
			t.Fatal(err)
		}
		step := max(1, len(data)/300)
		for i := 0; i < len(data); i += step {
			if _, err := readAll(data[:i]); err == nil {
				t.Fatalf("%s, cut at %d: no error", name, i)
			}
			for _, flip := range []byte{0xff, 0x01, 0x80} {
				changed := slices.Clone(data)
				changed[i] ^= flip
				_, err := readAll(changed)
				if err != nil && (strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "runtime error")) {
					t.Fatalf("%s, byte %d: %v", name, i, err)
				}
			}
		}
	}
}

// TestBombs are small files that claim much.
func TestBombs(t *testing.T) {
	run := func(n uint64) []byte { // a run of n ones
		var b []byte
		for v := n << 1; ; v >>= 7 {
			if v < 0x80 {
				return append(b, byte(v), 1)
			}
			b = append(b, byte(v)|0x80)
		}
	}
	if vs, err := hybrid(run(1<<40), 1, 1000); err != nil || len(vs) != 1000 {
		t.Errorf("%d, %v", len(vs), err)
	}
	if _, err := hybrid(run(0), 1, 1); err == nil {
		t.Error("a run of none")
	}
	// A list of 2³⁰ structures, of which none comes.
	if _, err := measure([]byte{0x19, 0xfc, 0x80, 0x80, 0x80, 0x80, 0x04}); err != errShort {
		t.Errorf("%v", err)
	}
	if _, err := measure(bytes.Repeat([]byte{0x1c}, 1000)); err == nil || err == errShort {
		t.Errorf("structures in structures: %v", err)
	}
	if _, _, err := delta([]byte{0x80, 0x01, 0x04, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x00}, 10); err == nil {
		t.Error("more differences than values")
	}
	data, err := os.ReadFile("testdata/bomb/page.parquet")
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := readAll(data); rows != 0 || err == nil || !strings.Contains(err.Error(), "unpacks to 50331658, more than 250 times as many") {
		t.Errorf("%d rows, %v", rows, err)
	}
	if got := maxRows(1 << 10); got > 1<<25 {
		t.Errorf("%d rows of a kilobyte", got)
	}
}

// FuzzParquet: no file makes the reader panic or hang; what it refuses is told on one line.
func FuzzParquet(f *testing.F) {
	for _, name := range goldens(f) {
		data, err := os.ReadFile(name + ".parquet")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(Magic + "\x15\x00\x00\x04\x00\x00\x00" + Magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		if _, err := readAll(data); err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%q", err)
		}
	})
}
