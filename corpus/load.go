package corpus

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/pedestrian-ml/pedestrian/internal/memory"
)

// Load reads the text of a file, or of all files under a directory in the order of their
// paths; hidden files and directories (.git, .DS_Store) are left out. The files of a
// directory are joined; a file without a line end at its end gets one.
//
// The text must be UTF-8 and is not changed, but a byte order mark at the beginning of a
// file is removed. Line ends stay as they are, "\n" or "\r\n": a text has the same tokens in
// a file as in a prompt or in JSON.
//
// The error is one line that names the file, and the offset if that helps. Load refuses a
// path that is missing, empty, or neither file nor directory (reading a pipe could block);
// UTF-16; a NUL byte, which marks a binary file; and other bytes that are not UTF-8. One
// such file makes the whole directory refused: otherwise a part of the corpus would be
// missing and nobody would notice.
//
// A text that does not fit into memory is refused before it is read; the error is a
// [memory.Short].
func Load(path string) (string, error) { return LoadReserving(path, 0) }

// LoadReserving is Load for a caller that will need more memory: bytes for each byte of
// text. The text is refused if there is no room for both.
func LoadReserving(path string, bytes int64) (string, error) {
	text, err := load(path, bytes)
	if err != nil {
		return "", fmt.Errorf("load text: %w", err)
	}
	return text, nil
}

// LoadLF is LoadReserving with "\r\n" replaced by "\n". Old runs, which began before line
// ends were kept, read their texts so.
func LoadLF(path string, bytes int64) (string, error) {
	text, err := LoadReserving(path, bytes)
	return lf(text), err
}

// lf replaces "\r\n" by "\n".
func lf(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }

func load(path string, beside int64) (string, error) {
	text, _, err := loadFiles(path, beside)
	return text, err
}

// loadFiles reads the text at path, and returns the text of each file, too.
func loadFiles(path string, beside int64) (text string, parts []string, err error) {
	paths, err := files(path)
	if err != nil {
		return "", nil, err
	}
	var all strings.Builder
	if err := reserveText(path, paths, beside, &all); err != nil {
		return "", nil, err
	}
	for _, p := range paths {
		from := all.Len()
		if err := readText(p, beside, &all); err != nil {
			return "", nil, err
		}
		parts = append(parts, all.String()[from:])
		if len(paths) > 1 && !strings.HasSuffix(all.String(), "\n") {
			all.WriteByte('\n')
		}
	}
	return all.String(), parts, nil
}

// reserveText grows b for the text of the files at path. It returns an error if the text,
// and beside bytes more for each of its bytes, do not fit into memory. A large file that is
// not text gives an error that says so, not one about memory.
func reserveText(path string, paths []string, beside int64, b *strings.Builder) error {
	size := int64(0)
	for _, p := range paths {
		info, err := stat(p)
		if err != nil {
			return err
		}
		if size += info.Size(); size > memory.Small {
			if err := checkHead(p); err != nil {
				return err
			}
		}
	}
	what := fmt.Sprintf("%s: its %d bytes of text need", path, size)
	if beside > 0 {
		what = fmt.Sprintf("%s: its %d bytes of text and their tokens need", path, size)
	}
	if err := memory.Ask((1+beside)*size, what, "give less of it"); err != nil {
		return err
	}
	b.Grow(int(size) + len(paths)) // a line end may be added to each file
	return nil
}

// sizeOf is the sum of the sizes of files, in bytes.
func sizeOf(paths []string) (bytes int64, err error) {
	for _, p := range paths {
		info, err := stat(p)
		if err != nil {
			return 0, err
		}
		bytes += info.Size()
	}
	return bytes, nil
}

// files lists the file at path, or the files under it.
func files(path string) ([]string, error) {
	info, err := stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var paths []string
	err = filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if p != path && strings.HasPrefix(e.Name(), ".") {
			if e.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if !e.IsDir() {
			paths = append(paths, p)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%s holds no files: give a text file, or a directory with text files", path)
	}
	return paths, nil
}

// openText opens a text file.
func openText(path string) (*input, error) {
	in, err := open(path)
	if err != nil {
		return nil, err
	}
	format, err := in.recognize(nil)
	if format == FormatParquet {
		err = fmt.Errorf("%s is a Parquet file, and no text: finetune and data read it", path)
	}
	if err != nil {
		in.Close()
		return nil, err
	}
	return in, nil
}

// readText appends the text of one file to b, in the form that Load promises. The unpacked
// size of a packed file is not known before; memory is checked while it is read.
func readText(path string, beside int64, b *strings.Builder) error {
	f, err := openText(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r, block := newTextReader(f), make([]byte, textBlock)
	for {
		n, err := r.Read(block)
		if f.packed != "" && b.Len()+n > b.Cap() {
			need := (1 + beside) * int64(b.Cap()+b.Len()+n)
			if err := memory.Ask(need, fmt.Sprintf("%s: unpacked, its first %d bytes and what is to follow need", path, b.Len()+n), "give less of it"); err != nil {
				return err
			}
		}
		b.Write(block[:n])
		if err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("%s: %w", path, withoutPath(err))
		}
	}
}

// containsMark reports whether a text file contains mark.
func containsMark(path, mark string) (bool, error) {
	f, err := openText(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	r := newTextReader(f)
	seen := make([]byte, 0, textBlock+len(mark))
	for {
		n, err := r.Read(seen[len(seen):cap(seen)])
		seen = seen[:len(seen)+n]
		switch {
		case bytes.Contains(seen, []byte(mark)):
			return true, nil
		case err == io.EOF:
			return false, nil
		case err != nil:
			return false, err
		}
		keep := min(len(seen), len(mark)-1) // may be the beginning of a mark
		seen = append(seen[:0], seen[len(seen)-keep:]...)
	}
}

// checkHead checks that a file begins with text.
func checkHead(path string) error {
	f, err := openText(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := newTextReader(f).Read(make([]byte, textBlock)); err != nil {
		return fmt.Errorf("%s: %w", path, withoutPath(err))
	}
	return nil
}

const bom = "\xef\xbb\xbf" // the byte order mark in UTF-8
