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

// Load reads the text of a file, or of all files under a directory, in the
// order of their paths; hidden files and directories (.git, .DS_Store) are left
// out. The files of a directory are put one after the other, each beginning on
// a line of its own.
//
// The text is UTF-8, and what the files say: only a byte order mark at the beginning
// of a file is dropped. Line ends stay as they are, "\n" or "\r\n", so that a text has
// the tokens that its characters have in a prompt, in JSON, and elsewhere.
//
// The error is one line that names the file, and the offset in it where that
// helps. Refused are: what is missing, empty, or neither file nor directory (a
// pipe would wait for ever); UTF-16; a NUL byte, the mark of a binary file; and
// other bytes that are not UTF-8. A directory with one such file is refused
// as a whole, because a corpus with a hole in it trains in silence.
//
// A text that does not fit into memory is refused before it is read, as [memory.Short].
func Load(path string) (string, error) { return LoadBeside(path, 0) }

// LoadBeside is Load for who goes on to take, for each byte of text, so many bytes more:
// it is refused if there is no room for both.
func LoadBeside(path string, bytes int64) (string, error) {
	text, err := load(path, bytes)
	if err != nil {
		return "", fmt.Errorf("load text: %w", err)
	}
	return text, nil
}

// LoadLF is LoadBeside, but that "\r\n" becomes "\n": as runs read texts that were begun
// before line ends were kept.
func LoadLF(path string, bytes int64) (string, error) {
	text, err := LoadBeside(path, bytes)
	return lf(text), err
}

// lf is text with "\n" at the end of a line.
func lf(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }

func load(path string, beside int64) (string, error) {
	text, _, err := loadFiles(path, beside)
	return text, err
}

// loadFiles reads the text at path, and the part of it that each file is.
func loadFiles(path string, beside int64) (text string, parts []string, err error) {
	paths, err := files(path)
	if err != nil {
		return "", nil, err
	}
	var all strings.Builder
	if err := makeRoom(path, paths, beside, &all); err != nil {
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

// makeRoom makes b large enough for the text of the files at path, if that fits into
// memory with what is to stand beside each of its bytes. A file whose first bytes are no text is told as that, however large it is.
func makeRoom(path string, paths []string, beside int64, b *strings.Builder) error {
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
	b.Grow(int(size) + len(paths)) // with the ends of lines that are missing
	return nil
}

// sizeOf is how many bytes the files at path have.
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

// readText adds the text of one file to b, in the form that Load promises. How much text
// is packed in a file is not known before: there memory is asked for as it comes.
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
			return fmt.Errorf("%s: %w", path, bare(err))
		}
	}
}

// mentions says whether a text file contains mark.
func mentions(path, mark string) (bool, error) {
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
		keep := min(len(seen), len(mark)-1) // the beginning of a mark
		seen = append(seen[:0], seen[len(seen)-keep:]...)
	}
}

// checkHead looks at the beginning of a file alone.
func checkHead(path string) error {
	f, err := openText(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := newTextReader(f).Read(make([]byte, textBlock)); err != nil {
		return fmt.Errorf("%s: %w", path, bare(err))
	}
	return nil
}

const bom = "\xef\xbb\xbf" // the byte order mark in UTF-8
