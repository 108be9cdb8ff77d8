package corpus

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// delimiters may stand between the columns of a table; the most frequent comes first.
const delimiters = ",\t;"

// readTable gives each row of a table with a header to c. Values are separated by commas
// (RFC 4180), semicolons or tabs. Errors name file and line.
func readTable(r io.Reader, file string, format Format, c *collector) error {
	in := bufio.NewReaderSize(r, maxHeader)
	head, _ := in.Peek(maxHeader)
	if err := checkStart(firstLine(head)); err != nil {
		return fmt.Errorf("%v: %w", Place{file, 1}, err)
	}
	if bytes.HasPrefix(head, []byte(bom)) {
		in.Discard(len(bom))
	}
	guard := &rowGuard{r: in}
	rows := csv.NewReader(guard)
	rows.Comma = '\t'
	if format == FormatCSV {
		rows.Comma = delimiter(head, c.columns)
	}
	rows.LazyQuotes = rows.Comma == '\t' // in TSV a quotation mark is often ordinary text
	rows.ReuseRecord = true
	var names []string
	for {
		row, err := rows.Read()
		line := 1
		if err == nil {
			line, _ = rows.FieldPos(0)
		}
		guard.n = 0
		if err == io.EOF {
			break
		} else if err != nil {
			return tableError(file, names, err)
		}
		for i, cell := range row {
			if !utf8.ValidString(cell) {
				line, column := rows.FieldPos(i)
				return fmt.Errorf("%v: the value at byte %d of the line is not UTF-8: convert the file, for example with iconv -f ISO-8859-1 -t UTF-8", Place{file, line}, column)
			}
		}
		if names == nil {
			if names, err = header(row); err != nil {
				return fmt.Errorf("%v: %w", Place{file, line}, err)
			}
			continue
		}
		o := make(object, 0, len(row))
		for i, cell := range row {
			if names[i] != "" {
				o = append(o, field{names[i], cell})
			}
		}
		if err := c.add(o, Place{file, line}); err != nil {
			return err
		}
	}
	return c.end(file, "there is nothing below its line of names")
}

// header checks the names of columns. A column without a name, such as row numbers, is not
// read.
func header(row []string) ([]string, error) {
	names, seen := slices.Clone(row), map[string]bool{"": false}
	for i, name := range names {
		if name = strings.TrimSpace(name); seen[name] {
			return nil, fmt.Errorf("column %q is there twice: which of them counts?", shorten(name))
		}
		names[i], seen[name] = name, name != ""
	}
	return names, nil
}

// tableError puts the place before an error of package csv.
func tableError(file string, names []string, err error) error {
	e, ok := errors.AsType[*csv.ParseError](err)
	if !ok {
		return fmt.Errorf("%s: %w", file, err)
	}
	at := Place{file, e.StartLine}
	switch {
	case errors.Is(err, csv.ErrFieldCount):
		return fmt.Errorf("%v: the row has another number of values than the %d names of line 1: a delimiter in a value is written between quotation marks", at, len(names))
	case errors.Is(err, csv.ErrQuote) && e.Line > e.StartLine:
		return fmt.Errorf("%v: a quotation mark opens a value that ends nowhere, or not before line %d: write a mark in a value twice", at, e.Line)
	case errors.Is(err, csv.ErrBareQuote), errors.Is(err, csv.ErrQuote):
		return fmt.Errorf("%v: a quotation mark inside of a value, at byte %d of the line: write the value between marks, and a mark in it twice", at, e.Column)
	}
	return fmt.Errorf("%v: %w", at, e.Err)
}

// A rowGuard stops reading with an error if a row is too long.
type rowGuard struct {
	r io.Reader
	n int // bytes of the row, and bytes read ahead
}

func (g *rowGuard) Read(p []byte) (int, error) {
	n, err := g.r.Read(p)
	if g.n += n; g.n > maxLine {
		return n, fmt.Errorf("a row has more than %d bytes: a quotation mark may be open", maxLine)
	}
	return n, err
}

// maxHeader is the number of bytes at the beginning of a file that recognize looks at.
const maxHeader = 1 << 20

// firstLine is the text before the first line end, or all of it.
func firstLine(head []byte) []byte {
	line, _, _ := bytes.Cut(bytes.TrimPrefix(head, []byte(bom)), []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}

// columnNames reads the header of a table, nil if the first line is not a row.
func columnNames(head []byte, comma rune) []string {
	rows := csv.NewReader(bytes.NewReader(firstLine(head)))
	rows.Comma = comma
	row, err := rows.Read()
	if err != nil {
		return nil
	}
	for i, name := range row {
		row[i] = strings.TrimSpace(name)
	}
	return row
}

// delimiter finds the delimiter that gives the header a layout, or else the most columns.
func delimiter(head []byte, c Columns) rune {
	best, most := rune(delimiters[0]), 0
	for _, comma := range delimiters {
		names := columnNames(head, comma)
		n := len(names)
		if isHeader(names, c) {
			n += 1 << 20
		}
		if n > most {
			best, most = comma, n
		}
	}
	return best
}

// isHeader reports whether names include all required fields of a layout.
func isHeader(names []string, c Columns) bool {
	o := make(object, len(names))
	for i, name := range names {
		o[i] = field{name, ""}
	}
	v := c.view(o)
	return slices.ContainsFunc(layouts, func(l *layout) bool {
		return l.hasAll(c) && !slices.ContainsFunc(l.required, func(name string) bool { return !v.has(name) })
	})
}
