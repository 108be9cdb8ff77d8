package corpus

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/token"
)

// ReadRecords calls each for every example of a file, or of all files under a directory in
// the order of their paths; hidden files are left out. separator divides the documents of a
// text file and belongs to none of them; with "" a file is one document. "\n" in the
// separator matches "\n" and "\r\n" in the text, and so does "\r\n". Text files are read as
// by [Load].
//
// All examples must be of one kind. The error is one line with the file, the line if there
// are lines, the field, and what to do. It wraps an error that each returned.
func ReadRecords(path string, format Format, separator string, each func(Record) error) error {
	return readOptions{format: format, separator: separator}.records(path, each)
}

// readOptions say how files are read.
type readOptions struct {
	format    Format
	separator string
	columns   Columns
	source    func(Source) // is called for each file, if not nil
	mark      string       // ends a document of a text, in addition to separator; "" = none
	begin     string       // text that is removed from the beginning of a document; "" = none
	lf        bool         // "\r\n" in texts becomes "\n"
}

// records does the work of ReadRecords.
func (how readOptions) records(path string, each func(Record) error) error {
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
func (how readOptions) file(path string, each func(Record) error) error {
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
		err = how.documents(path, c)
	} else {
		err = c.read(in, path, how.format)
	}
	if err == nil && how.source != nil {
		how.source(c.source)
	}
	return err
}

// read collects the objects of a file of any format but text.
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

// documents reads a text file and cuts it at every separator.
func (how readOptions) documents(path string, c *collector) error {
	text, err := load(path, 0)
	if err != nil {
		return err
	}
	if how.lf {
		text = lf(text)
		if strings.Contains(how.separator, "\r\n") { // the text has no "\r\n" now
			how.separator = ""
		}
	}
	line, found := 1, false
	cut := cutter(text, how.separator, how.mark)
	for rest, more := text, true; more; {
		var doc, between string
		doc, between, rest, more = cut(rest)
		doc = strings.TrimPrefix(doc, how.begin)
		if strings.TrimSpace(doc) != "" {
			r := Record{Kind: KindText, Text: doc, Place: Place{File: path}}
			if found || more {
				r.Place.Line = line + strings.Count(doc[:len(doc)-len(strings.TrimLeft(doc, "\r\n"))], "\n")
			}
			if err := c.each(r); err != nil {
				return fmt.Errorf("%v: %w", r.Place, err)
			}
			c.source.Examples++
			found = true
		}
		line += strings.Count(doc, "\n") + strings.Count(between, "\n")
	}
	if !found {
		return fmt.Errorf("%s: %w", path, errors.New("the file holds white space only: give a file with some text"))
	}
	return nil
}

// cutter returns a function that cuts rest, an end of text, at the first separator or mark:
// it returns the text before it, the separator or mark, the text after it, and whether there
// is one. A line end in separator matches "\n" and "\r\n". Line ends directly after a mark
// belong to the mark. "" means no separator, or no mark.
func cutter(text, separator, mark string) func(rest string) (before, between, after string, found bool) {
	var patterns []string
	if separator != "" && separator != mark {
		patterns = append(patterns, strings.ReplaceAll(regexp.QuoteMeta(lf(separator)), "\n", "\r?\n"))
	}
	if mark != "" {
		patterns = append(patterns, regexp.QuoteMeta(mark)+"(?:\r?\n)*")
	}
	at := regexp.MustCompile(strings.Join(patterns, "|")).FindStringIndex
	if len(patterns) == 0 {
		at = func(string) []int { return nil }
	} else if len(patterns) == 1 && !strings.Contains(text, "\r\n") { // faster than the regular expression
		literal := cmp.Or(mark, separator)
		at = func(rest string) []int {
			i := strings.Index(rest, literal)
			if i < 0 {
				return nil
			}
			end := i + len(literal)
			for mark != "" && end < len(rest) && rest[end] == '\n' {
				end++
			}
			return []int{i, end}
		}
	}
	return func(rest string) (before, between, after string, found bool) {
		if i := at(rest); i != nil {
			return rest[:i[0]], rest[i[0]:i[1]], rest[i[1]:], true
		}
		return rest, "", "", false
	}
}

// IsExamples reports whether path holds separate documents, not one running text. It looks
// at the file, or at the first file under a directory: an example with the columns c, or a
// text that contains mark (see [Mark]). mark "" is found in no text.
func IsExamples(path, mark string, c Columns) bool {
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
	if mark != "" && err == nil && format == FormatText {
		found, err := containsMark(paths[0], mark)
		return err == nil && found
	}
	return err == nil && format != FormatText
}

// Mark is the text that ends a document in text files for tok: its end-of-text token, or
// GPT-2's if tok has none.
func Mark(tok *token.Tokenizer) string {
	if id, ok := tok.EOS(); ok {
		return tok.Token(id)
	}
	return endOfText
}
