package corpus

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// Load reads the text of a file, or of all files under a directory, in the
// order of their paths; hidden files and directories (.git, .DS_Store) are left
// out. The files of a directory are put one after the other, each beginning on
// a line of its own.
//
// The text is UTF-8 with "\n" at the end of a line: a byte order mark at the
// beginning of a file is dropped, "\r\n" becomes "\n", and a "\r" elsewhere stays.
//
// The error is one line that names the file, and the offset in it where that
// helps. Refused are: what is missing, empty, or neither file nor directory (a
// pipe would wait for ever); UTF-16; a NUL byte, the mark of a binary file; and
// other bytes that are not UTF-8. A directory with one such file is refused
// as a whole, because a corpus with a hole in it trains in silence.
func Load(path string) (string, error) {
	paths, err := files(path)
	if err != nil {
		return "", fmt.Errorf("load text: %w", err)
	}
	var all strings.Builder
	for _, p := range paths {
		text, err := readText(p)
		if err != nil {
			return "", fmt.Errorf("load text: %w", err)
		}
		all.WriteString(text)
		if len(paths) > 1 && !strings.HasSuffix(text, "\n") {
			all.WriteByte('\n')
		}
	}
	return all.String(), nil
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

// readText reads one file and brings it into the form that Load promises.
func readText(path string) (string, error) {
	in, err := open(path)
	if err != nil {
		return "", err
	}
	defer in.Close()
	if format, err := in.recognize(nil); err != nil {
		return "", err
	} else if format == FormatParquet {
		return "", fmt.Errorf("%s is a Parquet file, and no text: pedestrian finetune and data read it", path)
	}
	return in.text()
}

// text is the whole of a file, which must be text.
func (in *input) text() (string, error) {
	data, err := in.readAll()
	if err == nil {
		err = checkText(data)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", in.path, err)
	}
	data = bytes.TrimPrefix(data, []byte(bom))
	if bytes.Contains(data, []byte("\r\n")) {
		data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	}
	return string(data), nil
}

const bom = "\xef\xbb\xbf" // the byte order mark in UTF-8

// checkText says why data is not text.
func checkText(data []byte) error {
	if len(bytes.TrimPrefix(data, []byte(bom))) == 0 {
		return errors.New("the file is empty: give a file with some text")
	}
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return errors.New("the byte order mark of UTF-16 at offset 0: convert the file with iconv -f UTF-16 -t UTF-8")
	}
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return fmt.Errorf("a NUL byte at offset %d: this is a binary file or UTF-16, not UTF-8 text", i)
	}
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size <= 1 {
			return fmt.Errorf("byte 0x%02x at offset %d is not UTF-8: convert the file, for example with iconv -f ISO-8859-1 -t UTF-8", data[i], i)
		}
		i += size
	}
	return nil
}
