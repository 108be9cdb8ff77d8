package corpus

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/pedestrian-ml/pedestrian/token"
)

// A Format is how a file holds its documents.
type Format string

const (
	FormatAuto  Format = ""      // JSONL if the file's name or first line says so, text otherwise
	FormatText  Format = "text"  // documents are divided by a marker, or are whole files
	FormatJSONL Format = "jsonl" // one JSON object a line
)

// ReadRecords hands on the examples of a file, or of all files under a directory in
// the order of their paths, hidden ones left out. separator divides the documents of
// a text file and belongs to none; "" takes a file as one document. Text is brought
// into the form that [Load] promises.
//
// Examples are of one kind throughout. The error is one line that names the file,
// the line where there are lines, the field, and what to do; it also wraps what each
// returned.
func ReadRecords(path string, format Format, separator string, each func(Record) error) error {
	switch format {
	case FormatAuto, FormatText, FormatJSONL:
	default:
		return fmt.Errorf("read examples: the format is %.20q: choose %s or %s", format, FormatText, FormatJSONL)
	}
	paths, err := files(path)
	if err != nil {
		return fmt.Errorf("read examples: %w", err)
	}
	var first Record
	for _, p := range paths {
		err := readRecords(p, format, separator, func(r Record) error {
			if first.Kind == "" {
				first = r
			}
			if r.Kind != first.Kind {
				return fmt.Errorf("the example is of kind %s, and that of %v of kind %s: put them into two directories", r.Kind, first.Place, first.Kind)
			}
			return each(r)
		})
		if err != nil {
			return fmt.Errorf("read examples: %w", err)
		}
	}
	return nil
}

func readRecords(path string, format Format, separator string, each func(Record) error) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file (%s): give a file of text or JSONL", path, info.Mode())
	}
	if info.Size() == 0 {
		return fmt.Errorf("%s: the file is empty: give a file with some text", path)
	}
	if format == FormatAuto {
		if format, err = detect(path); err != nil {
			return err
		}
	}
	if format == FormatText {
		return readDocuments(path, separator, each)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return readJSONL(f, path, each)
}

// detect says what a file holds: by the ending of its name, or because its first line
// is an object with fields of an example.
func detect(path string) (Format, error) {
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".jsonl", ".ndjson":
		return FormatJSONL, nil
	case ".json":
		return FormatJSONL, nil // which says what is wrong with a list
	case ".parquet", ".arrow", ".csv", ".tsv", ".zip", ".gz", ".zst", ".bin":
		return "", fmt.Errorf("%s: files that end in %s are not read: give text, or JSONL with one object a line", path, ext)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	line, err := bufio.NewReader(io.LimitReader(f, 1<<20)).ReadBytes('\n')
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("%s: %w", path, bare(err))
	}
	if o, err := parseObject([]byte(strings.TrimPrefix(string(line), bom))); err == nil {
		for _, name := range []string{"text", "prompt", "completion", "messages"} {
			if o.get(name) != nil {
				return FormatJSONL, nil
			}
		}
	}
	return FormatText, nil
}

// readDocuments reads a text file, and cuts it at every separator.
func readDocuments(path, separator string, each func(Record) error) error {
	text, err := load(path, 0)
	if err != nil {
		return err
	}
	if separator == "" {
		separator = "\x00" // which no text has
	}
	line, found := 1, false
	for rest, more := text, true; more; {
		var doc string
		doc, rest, more = strings.Cut(rest, separator)
		if strings.TrimSpace(doc) != "" {
			r := Record{Kind: KindText, Text: doc, Place: Place{File: path}}
			if found || more {
				r.Place.Line = line + strings.Count(doc[:len(doc)-len(strings.TrimLeft(doc, "\n"))], "\n")
			}
			if err := each(r); err != nil {
				return fmt.Errorf("%v: %w", r.Place, err)
			}
			found = true
		}
		line += strings.Count(doc, "\n") + strings.Count(separator, "\n")
	}
	if !found {
		return fmt.Errorf("%s: %w", path, errors.New("the file holds white space only: give a file with some text"))
	}
	return nil
}

// IsExamples says whether path names documents and not one running text: JSON Lines,
// in a file or the first one under a directory, or a text in which the end-of-text
// token of tok is written out.
func IsExamples(path string, tok *token.Tokenizer) bool {
	paths, err := files(path)
	if err != nil {
		return false
	}
	format, err := detect(paths[0])
	if id, ok := tok.EOS(); ok && err == nil && format == FormatText {
		found, err := mentions(paths[0], tok.Token(id))
		return err == nil && found
	}
	return err == nil && format == FormatJSONL
}
