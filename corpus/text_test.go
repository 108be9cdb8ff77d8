package corpus

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/pedestrian-ml/pedestrian/internal/growth"
	"github.com/pedestrian-ml/pedestrian/internal/memory"
)

// TestTextReader: what a file holds and what comes of it, written out; where blocks end
// must not be seen, so the interesting place is put at each offset around one.
func TestTextReader(t *testing.T) {
	for _, c := range []struct{ in, want, err string }{
		{"a\r\nb\rc\n\r\n\r\n", "a\r\nb\rc\n\r\n\r\n", ""},
		{"\r\r\n\r", "\r\r\n\r", ""},
		{"äö€😀", "äö€😀", ""},
		{"a\x00", "", "a NUL byte at offset 1"},
		{"é\xe9", "", "byte 0xe9 at offset 2 is not UTF-8"},
		{"€\xe2\x82", "", "byte 0xe2 at offset 3 is not UTF-8"},
		{"\xf0\x9f\x98", "", "byte 0xf0 at offset 0 is not UTF-8"},
		{bom + "a\xff", "", "byte 0xff at offset 4 is not UTF-8"},
		{bom + "a" + bom, "a" + bom, ""},
		{bom, "", "the file is empty"},
		{"", "", "the file is empty"},
		{"\xff\xfea\x00", "", "UTF-16 at offset 0"},
	} {
		got, err := io.ReadAll(newTextReader(strings.NewReader(c.in)))
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q: %q, %v", c.in, got, err)
			}
			continue
		}
		if err != nil || string(got) != c.want {
			t.Errorf("%q: %q, %v", c.in, got, err)
		}
		if strings.HasPrefix(c.in, bom) {
			continue
		}
		for shift := range 16 {
			pad := strings.Repeat("x", textBlock-12+shift)
			got, err := io.ReadAll(newTextReader(iotest.OneByteReader(strings.NewReader(pad + c.in))))
			if err != nil || string(got) != pad+c.want {
				t.Errorf("%q after %d bytes: %q, %v", c.in, len(pad), got[len(pad):], err)
			}
		}
	}
	broken := errors.New("input/output error")
	if _, err := io.ReadAll(newTextReader(io.MultiReader(strings.NewReader("a"), failing{broken}))); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

// TestMentions: a mark across the end of a block, and none.
func TestMentions(t *testing.T) {
	const mark = "<|endoftext|>"
	for shift := range 2 * len(mark) {
		pad := strings.Repeat("y", textBlock-len(mark)-3+shift)
		for text, want := range map[string]bool{pad + mark: true, pad + mark + "z": true, pad + mark[1:] + "<|endoftext|": false} {
			path := filepath.Join(tree(t, [2]string{"a", text}), "a")
			if got, err := containsMark(path, mark); got != want || err != nil {
				t.Errorf("%d: %v, %v", shift, got, err)
			}
		}
	}
}

// sparse makes a file with a beginning and zeros up to a size, which takes no disk.
func sparse(t *testing.T, begin string, size int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.txt")
	if err := os.WriteFile(path, []byte(begin), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestHugeText: a file of zeros is binary by its first block, and a text that does not
// fit is refused before it is read.
func TestHugeText(t *testing.T) {
	const huge = 8 << 40 // which no machine has as memory, and every file system as a size
	zeros := sparse(t, "", huge)
	text := sparse(t, strings.Repeat("All work and no play. ", textBlock/20), huge)
	for _, read := range []func(string) error{
		func(path string) error { _, err := Load(path); return err },
		func(path string) error {
			return ReadRecords(path, FormatText, "", func(Record) error { return nil })
		},
	} {
		if err := read(zeros); err == nil || !strings.Contains(err.Error(), "a NUL byte at offset 0: this is a binary file") {
			t.Errorf("%v", err)
		}
		var short *memory.Short
		if _, ok := memory.Free(); !ok {
			continue
		}
		if err := read(text); !errors.As(err, &short) || short.Need < huge {
			t.Errorf("%v", err)
		}
	}
	if _, err := LoadReserving(text, 4); err == nil || !strings.Contains(err.Error(), "and their tokens need 40.0 TiB of memory, and ") {
		t.Errorf("%v", err)
	}
}

// TestTextsAreLinear: lines, line ends and documents.
func TestTextsAreLinear(t *testing.T) {
	for name, unit := range map[string]string{"lines": "a\r\n", "returns": "\r", "characters": "😀", "documents": "a<|endoftext|>"} {
		t.Run(name, func(t *testing.T) {
			growth.Linear(t, 4096, func(n int) func() {
				path := filepath.Join(tree(t, [2]string{"a.txt", strings.Repeat(unit, n)}), "a.txt")
				return func() {
					if err := ReadRecords(path, FormatText, "<|endoftext|>", func(Record) error { return nil }); err != nil && name != "returns" {
						t.Fatal(err)
					}
				}
			})
		})
	}
}
