// Package parquet reads columns of Apache Parquet files, row by row, as data sets are
// published: flat columns, and lists and structures of any depth.
//
// Metadata are decoded by github.com/parquet-go/parquet-go. Before that their sizes are checked,
// because a file is untrusted and must not make the reader allocate more than its pages need.
// Pages are decompressed one at a time, only those of the requested columns.
//
// The package reads pages of version 1 and 2, uncompressed or compressed with snappy, gzip or
// zstd, in the encodings PLAIN, RLE, RLE_DICTIONARY, DELTA_BINARY_PACKED,
// DELTA_LENGTH_BYTE_ARRAY and DELTA_BYTE_ARRAY. It does not read encrypted files and the codecs
// brotli, LZ4 and LZO.
package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// Magic is the magic number at the beginning and the end of a file.
const Magic = "PAR1"

const (
	maxFooter  = 32 << 20
	maxColumns = 1 << 14
	maxDepth   = 32 // of lists and structures in each other
)

// A File is an open Parquet file.
type File struct {
	r    io.ReaderAt
	size int64
	meta format.FileMetaData
	root *node
}

// Open reads the metadata of a file of size bytes. The error does not name the file.
func Open(r io.ReaderAt, size int64) (f *File, err error) {
	defer contain(&err)
	var tail [8]byte
	if size < int64(len(Magic)+len(tail)) {
		return nil, fmt.Errorf("the Parquet file has %d bytes: it was cut short, fetch it again", size)
	}
	if _, err := r.ReadAt(tail[:], size-int64(len(tail))); err != nil {
		return nil, fmt.Errorf("read the end of the Parquet file: %w", err)
	}
	n := int64(binary.LittleEndian.Uint32(tail[:]))
	switch {
	case string(tail[4:]) == "PARE":
		return nil, errors.New("the Parquet file is encrypted: write it without")
	case string(tail[4:]) != Magic:
		return nil, errors.New("the Parquet file does not end as one: it was cut short, fetch it again")
	case n > size-int64(len(Magic)+len(tail)) || n > maxFooter:
		return nil, fmt.Errorf("the Parquet file has %d bytes, and says that its footer has %d: it is damaged, fetch it again", size, n)
	}
	footer := make([]byte, n)
	if _, err := r.ReadAt(footer, size-int64(len(tail))-n); err != nil {
		return nil, fmt.Errorf("read the footer of the Parquet file: %w", err)
	}
	f = &File{r: r, size: size}
	if err := decode(footer, &f.meta); err != nil {
		return nil, fmt.Errorf("the footer of the Parquet file: %w", err)
	}
	if err := f.schema(); err != nil {
		return nil, fmt.Errorf("the schema of the Parquet file: %w", err)
	}
	return f, f.check()
}

// contain turns a panic, caused by an unforeseen kind of damage, into an error.
func contain(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("the Parquet file is damaged: %v", r)
	}
}

// decode decodes metadata, which must be all of data.
func decode(data []byte, into any) error {
	n, err := measure(data)
	if err == nil && n != len(data) {
		err = fmt.Errorf("%d bytes follow it", len(data)-n)
	}
	if err != nil {
		return err
	}
	return thrift.Unmarshal(new(thrift.CompactProtocol), data, into)
}

// check compares the sizes in the footer with the size of the file.
func (f *File) check() error {
	rows := int64(0)
	for i, g := range f.meta.RowGroups {
		if len(g.Columns) != f.root.leaves() {
			return fmt.Errorf("row group %d of the Parquet file has %d columns, and its schema %d: it is damaged, fetch it again", i, len(g.Columns), f.root.leaves())
		}
		if g.NumRows < 0 || g.NumRows > maxRows(f.size) {
			return fmt.Errorf("row group %d of the Parquet file has %d rows, in a file of %d bytes: it is damaged, or meant to take the time of who reads it", i, g.NumRows, f.size)
		}
		if rows += g.NumRows; rows > maxRows(f.size) {
			return fmt.Errorf("the Parquet file has more than %d rows, in %d bytes: it is damaged, or meant to take the time of who reads it", maxRows(f.size), f.size)
		}
	}
	return nil
}

// maxRows returns the largest plausible number of rows of a file of the given size. Runs of equal
// values take almost no bytes, so the true limit would be much larger.
func maxRows(size int64) int64 { return 16<<20 + 256*size }

// Rows returns the number of rows.
func (f *File) Rows() (n int64) {
	for _, g := range f.meta.RowGroups {
		n += g.NumRows
	}
	return n
}

// Columns returns the names of the columns.
func (f *File) Columns() (names []string) {
	for _, c := range f.root.children {
		names = append(names, c.name)
	}
	return names
}

// AllNull says whether, by the file's statistics, the flat column name is null in every row.
func (f *File) AllNull(name string) bool {
	for _, c := range f.root.children {
		if c.name != name || !c.isLeaf() || c.repetition == format.Repeated {
			continue
		}
		for _, g := range f.meta.RowGroups {
			if m := g.Columns[c.leaf].MetaData; m.Statistics.NullCount < m.NumValues {
				return false
			}
		}
		return true
	}
	return false
}

// Read calls each for every row, from row 0 on, with the values of the named columns in their
// order. A value is nil, a bool, an int64, a float64, a string, a []byte that is not text, a
// []any, a Struct, or an Unread. An error of each ends the reading and is returned.
func (f *File) Read(names []string, each func(row int64, values []any) error) (err error) {
	defer contain(&err)
	var columns []*node
	for _, name := range names {
		var found *node
		for _, c := range f.root.children {
			if c.name == name {
				found = c
			}
		}
		if found == nil {
			return fmt.Errorf("the Parquet file has no column %q", name)
		}
		columns = append(columns, found)
	}
	row := int64(0)
	for i := range f.meta.RowGroups {
		g := &f.meta.RowGroups[i]
		leaves := make([]*cursor, f.root.leaves())
		for _, c := range columns {
			for _, l := range c.allLeaves() {
				leaves[l.leaf] = f.cursor(l, &g.Columns[l.leaf])
			}
		}
		values := make([]any, len(columns))
		for range g.NumRows {
			for j, c := range columns {
				if values[j], err = readRow(c, leaves); err != nil {
					return fmt.Errorf("row %d of the Parquet file, column %q: %w", row, c.name, err)
				}
			}
			if err := each(row, values); err != nil {
				return err
			}
			row++
		}
	}
	return nil
}
