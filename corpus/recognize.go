package corpus

import (
	"bufio"
	"bytes"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/pedestrian-ml/pedestrian/parquet"
)

// A Format is a file format of documents.
type Format string

const (
	FormatAuto    Format = ""        // recognized from the content, or else from the name
	FormatText    Format = "text"    // documents are divided by a separator, or are whole files
	FormatJSONL   Format = "jsonl"   // one JSON object a line
	FormatJSON    Format = "json"    // one JSON list of objects
	FormatCSV     Format = "csv"     // a table with a header; comma or semicolon between values
	FormatTSV     Format = "tsv"     // the same with tabs
	FormatParquet Format = "parquet" // Apache Parquet
)

// Formats lists all formats but FormatAuto.
func Formats() []Format {
	return []Format{FormatText, FormatJSONL, FormatJSON, FormatCSV, FormatTSV, FormatParquet}
}

// String is the name of the format in messages.
func (f Format) String() string {
	switch f {
	case FormatJSONL:
		return "JSON Lines"
	case FormatJSON:
		return "a JSON list"
	case FormatCSV:
		return "CSV"
	case FormatTSV:
		return "TSV"
	case FormatParquet:
		return "Parquet"
	}
	return string(f)
}

// foreign are the magic numbers of files that are recognized but not read.
var foreign = []struct{ magic, what string }{
	{"ARROW1\x00\x00", "an Arrow file: write it as Parquet or JSON Lines (in Python: dataset.to_parquet, dataset.to_json)"},
	{"PK\x03\x04", "a zip archive: unpack it, and name the directory"},
	{"BZh", "packed with bzip2: unpack it with bunzip2, or pack it with gzip or zstd"},
	{"\xfd7zXZ\x00", "packed with xz: unpack it with unxz, or pack it with gzip or zstd"},
	{"SQLite format 3\x00", "an SQLite database: export a table as CSV"},
	{gzipMagic, "packed with gzip twice: unpack it once"},
	{zstdMagic, "packed with zstd twice: unpack it once"},
}

// recognize finds the format of a file from its content, or else from its name. c are the
// columns of examples.
func (in *input) recognize(c Columns) (Format, error) {
	head, _ := in.Peek(maxHeader)
	for _, f := range foreign {
		if bytes.HasPrefix(head, []byte(f.magic)) {
			return "", fmt.Errorf("%s is %s", in.path, f.what)
		}
	}
	if len(head) > 262 && string(head[257:262]) == "ustar" {
		return "", fmt.Errorf("%s is a tar archive: unpack it, and name the directory", in.path)
	}
	text := bytes.TrimSpace(bytes.TrimPrefix(head, []byte(bom)))
	switch {
	case bytes.HasPrefix(head, []byte(parquet.Magic)):
		return FormatParquet, nil
	case bytes.HasPrefix(text, []byte("{")):
		if o, err := parseObject(firstLine(text)); err == nil && c.view(o).isExample() {
			return FormatJSONL, nil
		}
	case bytes.HasPrefix(text, []byte("[")) && isList(text, c):
		return FormatJSON, nil
	case isHeader(columnNames(head, ','), c) && bytes.ContainsRune(firstLine(head), ','), isHeader(columnNames(head, ';'), c) && bytes.ContainsRune(firstLine(head), ';'):
		return FormatCSV, nil
	case isHeader(columnNames(head, '\t'), c) && bytes.ContainsRune(firstLine(head), '\t'):
		return FormatTSV, nil
	}
	switch ext := strings.ToLower(filepath.Ext(in.unpackedName())); ext {
	case ".jsonl", ".ndjson", ".json":
		if bytes.HasPrefix(text, []byte("[")) {
			return FormatJSON, nil
		}
		return FormatJSONL, nil
	case ".csv":
		return FormatCSV, nil
	case ".tsv":
		return FormatTSV, nil
	case ".parquet", ".arrow", ".zip", ".gz", ".zst", ".bin":
		return "", fmt.Errorf("%s: its name ends in %s, and it is not such a file: it may have been cut or fetched wrongly", in.path, ext)
	}
	return FormatText, nil
}

// isExample reports whether an object has the fields of a layout, or one that only examples
// have.
func (v view) isExample() bool {
	for _, l := range layouts {
		present := 0
		for _, name := range l.required {
			if v.has(name) {
				present++
			}
		}
		if present == len(l.required) || present > 0 && !l.ambiguous {
			return true
		}
	}
	return false
}

// isList reports whether the first element of a JSON list is an example.
func isList(text []byte, c Columns) bool {
	s := &scanner{in: bufio.NewReader(bytes.NewReader(text[1:])), line: 1}
	b, err := s.next()
	if err != nil || b != '{' {
		return false
	}
	raw, _, err := s.element(b)
	if err != nil {
		return false
	}
	o, err := parseObject(raw)
	return err == nil && c.view(o).isExample()
}
