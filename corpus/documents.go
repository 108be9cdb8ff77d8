package corpus

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/token"
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
	return reading{format: format, separator: separator}.records(path, each)
}

// A reading says how files are read.
type reading struct {
	format    Format
	separator string
	columns   Columns
	source    func(Source) // is told of each file; nil = nobody is
}

// records is ReadRecords.
func (how reading) records(path string, each func(Record) error) error {
	if how.format != FormatAuto && !slices.Contains(Formats(), how.format) {
		return fmt.Errorf("read examples: the format is %.20q: choose one of %s", string(how.format), Formats())
	}
	paths, err := files(path)
	if err != nil {
		return fmt.Errorf("read examples: %w", err)
	}
	var first Record
	for _, p := range paths {
		err := how.file(p, func(r Record) error {
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

// file reads one file.
func (how reading) file(path string, each func(Record) error) error {
	in, err := open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	if how.format == FormatAuto {
		if how.format, err = in.recognize(how.columns); err != nil {
			return err
		}
	}
	c := &collector{columns: how.columns, source: Source{Path: path, Format: how.format, Packed: in.packed}, each: each}
	if how.format == FormatText {
		err = readDocuments(path, how.separator, c)
	} else {
		err = c.read(in, path, how.format)
	}
	if err == nil && how.source != nil {
		how.source(c.source)
	}
	return err
}

// read collects the objects of a file that is no text.
func (c *collector) read(in *input, path string, format Format) error {
	switch format {
	case FormatJSONL:
		return readJSONL(in, path, c)
	case FormatJSON:
		return readList(in, path, c)
	}
	c.table = true
	if format == FormatParquet {
		return readParquet(in, c)
	}
	return readTable(in, path, format, c)
}

// readDocuments reads a text file, and cuts it at every separator.
func readDocuments(path, separator string, c *collector) error {
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
			if err := c.each(r); err != nil {
				return fmt.Errorf("%v: %w", r.Place, err)
			}
			c.source.Examples++
			found = true
		}
		line += strings.Count(doc, "\n") + strings.Count(separator, "\n")
	}
	if !found {
		return fmt.Errorf("%s: %w", path, errors.New("the file holds white space only: give a file with some text"))
	}
	return nil
}

// IsExamples says whether path names documents and not one running text: examples in
// a file or the first one under a directory, whose columns are c, or a text in which
// the end-of-text token of tok is written out.
func IsExamples(path string, tok *token.Tokenizer, c Columns) bool {
	paths, err := files(path)
	if err != nil {
		return false
	}
	in, err := open(paths[0])
	if err != nil {
		return false
	}
	defer in.Close()
	format, err := in.recognize(c)
	if id, ok := tok.EOS(); ok && err == nil && format == FormatText {
		found, err := mentions(paths[0], tok.Token(id))
		return err == nil && found
	}
	return err == nil && format != FormatText
}
