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

// ReadRecords hands on the examples of a file, or of all files under a directory in
// the order of their paths, hidden ones left out. separator divides the documents of
// a text file and belongs to none; "" takes a file as one document. A line end in it
// is one in the text, whether "\n" or "\r\n" is written there or here. Text is what
// [Load] makes of a file.
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
	mark      string       // that ends a document of a text, whatever the separator is; "" = none
	begin     string       // the mark that begins one, where it is written, too; "" = none
	lf        bool         // line ends of texts become "\n"
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
		err = how.documents(path, c)
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

// documents reads a text file, and cuts it at every separator.
func (how reading) documents(path string, c *collector) error {
	text, err := load(path, 0)
	if err != nil {
		return err
	}
	if how.lf {
		text = lf(text)
		if strings.Contains(how.separator, "\r\n") { // which such a text has not
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

// cutter returns what cuts text, or the end of it, at the first separator or mark: what
// stands before it, itself, what comes after it, and whether there is one. A line end
// in the separator stands for either kind, "\n" and "\r\n". Line ends behind a mark are
// the rest of its line, and belong to it. "" is none.
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
	} else if len(patterns) == 1 && !strings.Contains(text, "\r\n") { // which is faster
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

// IsExamples says whether path names documents and not one running text: examples in
// a file or the first one under a directory, whose columns are c, or a text in which
// mark is written, which is that of [Mark]; "" is in none.
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
		found, err := mentions(paths[0], mark)
		return err == nil && found
	}
	return err == nil && format != FormatText
}

// Mark is how the end of a document is written in text files for tok: as its token
// that ends a text, or as GPT-2's where it has none.
func Mark(tok *token.Tokenizer) string {
	if id, ok := tok.EOS(); ok {
		return tok.Token(id)
	}
	return endOfText
}
