package corpus

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// tree writes files, given as path and content, into a new directory.
func tree(t *testing.T, files ...[2]string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		p := filepath.Join(dir, f[0])
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(f[1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLoad(t *testing.T) {
	dir := tree(t,
		[2]string{"b.txt", "two\r\nlines\r here"},
		[2]string{"a/z.md", "\xef\xbb\xbffirst\n"},
		[2]string{"c", "é\n"},
		[2]string{".hidden", "\x00"},
		[2]string{".git/config", "\x00"})
	got, err := Load(dir)
	if want := "first\ntwo\r\nlines\r here\né\n"; err != nil || got != want {
		t.Errorf("directory: %q, %v, want %q", got, err, want)
	}
	got, err = Load(filepath.Join(dir, "b.txt"))
	if want := "two\r\nlines\r here"; err != nil || got != want {
		t.Errorf("file: %q, %v, want %q", got, err, want)
	}
	got, err = LoadLF(dir, 0)
	if want := "first\ntwo\nlines\r here\né\n"; err != nil || got != want {
		t.Errorf("as it was: %q, %v, want %q", got, err, want)
	}
	if got, err := Load(filepath.Join(dir, ".hidden")); err == nil {
		t.Errorf("a hidden file that is named is read, and is binary: %q", got)
	}
}

func TestLoadRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		files [][2]string
		says  string // beside the file's path
	}{
		{"empty", [][2]string{{"x.txt", ""}}, "empty"},
		{"only a byte order mark", [][2]string{{"x.txt", "\xef\xbb\xbf"}}, "empty"},
		{"binary", [][2]string{{"a.txt", "fine"}, {"x.txt", "ab\x00"}}, "NUL byte at offset 2"},
		{"UTF-16, little-endian", [][2]string{{"x.txt", "\xff\xfea\x00"}}, "UTF-16 at offset 0"},
		{"UTF-16, big-endian", [][2]string{{"x.txt", "\xfe\xff\x00a"}}, "UTF-16 at offset 0"},
		{"UTF-16 without a mark", [][2]string{{"x.txt", "a\x00b\x00"}}, "NUL byte at offset 1"},
		{"Latin-1", [][2]string{{"x.txt", "caf\xe9\n"}}, "byte 0xe9 at offset 3"},
		{"cut inside a character", [][2]string{{"x.txt", "caf\xc3"}}, "byte 0xc3 at offset 3"},
	} {
		dir := tree(t, c.files...)
		for _, path := range []string{dir, filepath.Join(dir, "x.txt")} {
			text, err := Load(path)
			if err == nil {
				t.Errorf("%s: read %q", c.name, text)
				continue
			}
			if m := err.Error(); !strings.Contains(m, c.says) || !strings.Contains(m, filepath.Join(dir, "x.txt")) || strings.Contains(m, "\n") {
				t.Errorf("%s: %q does not say %q and the file on one line", c.name, m, c.says)
			}
		}
	}

	dir := t.TempDir()
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "holds no files") {
		t.Errorf("a directory without files: %v", err)
	}
	if _, err := Load(filepath.Join(dir, "absent.txt")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	loop := t.TempDir()
	if err := os.Symlink(loop, filepath.Join(loop, "again")); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(loop); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a directory that contains itself: %v", err)
	}
}

func FuzzReadText(f *testing.F) {
	for _, s := range []string{"plain\n", "\xef\xbb\xbfmark\r\n", "\xff\xfea\x00", "a\x00", "caf\xe9", "é\r\r\n", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "x.txt")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		text, err := Load(path)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			return
		}
		if text == "" || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			t.Errorf("%q was read as %q", data, text)
		}
	})
}

func TestSplit(t *testing.T) {
	const stories = "One.\nTwo.\n\nThree.\n\nFour.\n\n" // 5 + 6 + 8 + 7 = 26 bytes
	for _, c := range []struct {
		text     string
		fraction float64
		align    Align
		val      string
	}{
		{stories, 0.5, AlignNone, stories[13:]},
		{stories, 0.25, AlignLine, stories[19:]},
		{stories, 0.25, AlignParagraph, "Four.\n\n"},
		{stories, 0.3, AlignParagraph, "Three.\n\nFour.\n\n"},
		{stories, 0.65, AlignLine, stories[5:]},
		{"aéé", 0.3, AlignNone, "é"},
		{"aéé", 0.5, AlignNone, "éé"},
	} {
		train, val, err := Split(c.text, c.fraction, c.align)
		if err != nil || train+val != c.text || val != c.val {
			t.Errorf("Split(%q, %g, %s) = %q, %q, %v; want %q for validation", c.text, c.fraction, c.align, train, val, err, c.val)
		}
	}
	for _, c := range []struct {
		text     string
		fraction float64
		align    Align
	}{
		{stories, 0, AlignNone}, {stories, 1, AlignNone}, {stories, -1, AlignNone}, {stories, nan, AlignNone},
		{"", 0.5, AlignNone}, {"a", 0.5, AlignNone}, {"é", 0.5, AlignNone},
		{"no end", 0.5, AlignLine}, {"one line\n", 0.5, AlignLine}, {"one line\nafter", 0.5, AlignParagraph}, {"\n", 0.5, AlignParagraph},
		{stories, 0.99, AlignLine},
	} {
		if train, val, err := Split(c.text, c.fraction, c.align); err == nil {
			t.Errorf("Split(%q, %g, %s) = %q, %q", c.text, c.fraction, c.align, train, val)
		}
	}
}

// TestSplitAsNanoGPT holds the cut against the sizes that nanoGPT reports for
// tinyshakespeare's 1,115,394 characters: 1,003,854 and 111,540.
func TestSplitAsNanoGPT(t *testing.T) {
	train, val, err := Split(strings.Repeat("x", 1_115_394), 0.1, AlignNone)
	if err != nil || len(train) != 1_003_854 || len(val) != 111_540 {
		t.Errorf("%d and %d characters, %v", len(train), len(val), err)
	}
}

func TestCheckLength(t *testing.T) {
	if err := CheckLength("the training split", 65, 64); err != nil {
		t.Error(err)
	}
	err := CheckLength("the validation split", 64, 64)
	if err == nil || !strings.Contains(err.Error(), "64 tokens") || !strings.Contains(err.Error(), "needs 65") {
		t.Errorf("both numbers are due: %v", err)
	}
}
