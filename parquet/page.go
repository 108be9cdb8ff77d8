package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

const (
	maxPage   = 512 << 20 // bytes, unpacked; writers make pages of one megabyte
	freePage  = 16 << 20  // bytes, unpacked, that may come out of any page
	maxGrowth = 250       // times the bytes of a page, above that
	maxValues = 8 << 20   // of a page, or of a row
	maxHeader = 16 << 20  // bytes; it may hold the least and the largest value
)

// An entry is a value of a leaf with its levels.
type entry struct {
	def, rep int
	value    any
}

// A cursor reads the values of a leaf in one row group.
type cursor struct {
	leaf   *node
	in     *io.SectionReader // the pages
	at     int64
	chunk  *format.ColumnMetaData
	fault  error // of the chunk as a whole
	left   int64 // values that are not read yet
	page   []entry
	values []any // of the dictionary
}

// cursor returns a cursor at the start of a column of a row group.
func (f *File) cursor(leaf *node, chunk *format.ColumnChunk) *cursor {
	m := &chunk.MetaData
	c := &cursor{leaf: leaf, chunk: m, left: m.NumValues}
	start := m.DataPageOffset
	if d := m.DictionaryPageOffset; d > 0 && d < start {
		start = d
	}
	switch end := start + m.TotalCompressedSize; {
	case chunk.FilePath != "":
		c.fault = fmt.Errorf("its values are in another file, %.40q: give a file that has them", chunk.FilePath)
	case m.Type != leaf.element.Type.V:
		c.fault = fmt.Errorf("it is %v in the schema and %v in the row group: the file is damaged, fetch it again", leaf.element.Type.V, m.Type)
	case start < int64(len(Magic)) || m.TotalCompressedSize < 0 || end < start || end > f.size:
		c.fault = fmt.Errorf("its values are at offset %d and take %d bytes, in a file of %d: the file is damaged, fetch it again", start, m.TotalCompressedSize, f.size)
	default:
		c.in = io.NewSectionReader(f.r, start, m.TotalCompressedSize)
	}
	return c
}

// row returns the entries of the next row.
func (c *cursor) row() (entries []entry, err error) {
	for {
		if len(c.page) == 0 {
			if c.left == 0 && len(entries) > 0 {
				return entries, nil
			}
			if err := c.next(); err != nil {
				return nil, err
			}
		}
		n := 0
		for n < len(c.page) && (c.page[n].rep > 0 || n == 0 && len(entries) == 0) {
			n++
		}
		if entries = append(entries, c.page[:n]...); len(entries) > maxValues {
			return nil, fmt.Errorf("more than %d values in one row", maxValues)
		}
		c.page = c.page[n:]
		if len(c.page) > 0 {
			return entries, nil
		}
	}
}

// next reads the next page with values.
func (c *cursor) next() error {
	for len(c.page) == 0 {
		if c.fault != nil {
			return c.fault
		}
		if c.left <= 0 {
			return errors.New("it has fewer values than the file has rows: the file is damaged, fetch it again")
		}
		h, err := c.header()
		if err != nil {
			return err
		}
		if h.CompressedPageSize < 0 || int64(h.CompressedPageSize) > c.in.Size()-c.at || h.UncompressedPageSize < 0 || h.UncompressedPageSize > maxPage {
			return fmt.Errorf("a page of %d bytes, %d unpacked: the file is damaged, or meant to fill the memory", h.CompressedPageSize, h.UncompressedPageSize)
		}
		if h.UncompressedPageSize > freePage && int64(h.UncompressedPageSize) > maxGrowth*int64(h.CompressedPageSize) {
			return fmt.Errorf("a page of %d bytes unpacks to %d, more than %d times as many: text does not, and what does may be meant to fill the memory", h.CompressedPageSize, h.UncompressedPageSize, maxGrowth)
		}
		data := make([]byte, h.CompressedPageSize)
		if _, err := io.ReadFull(io.NewSectionReader(c.in, c.at, int64(len(data))), data); err != nil {
			return err
		}
		c.at += int64(len(data))
		switch h.Type {
		case format.DictionaryPage:
			err = c.dictionary(h, data)
		case format.DataPage:
			err = c.pageV1(h, data)
		case format.DataPageV2:
			err = c.pageV2(h, data)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// header reads the header of the page at c.at, and moves c.at to its data.
func (c *cursor) header() (*format.PageHeader, error) {
	for room := int64(1 << 10); ; room *= 8 {
		data := make([]byte, min(room, c.in.Size()-c.at))
		if _, err := io.ReadFull(io.NewSectionReader(c.in, c.at, int64(len(data))), data); err != nil {
			return nil, err
		}
		n, err := measure(data)
		if err == errShort && int64(len(data)) == room && room < maxHeader {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("the header of a page: %w", err)
		}
		h := new(format.PageHeader)
		if err := thrift.Unmarshal(new(thrift.CompactProtocol), data[:n], h); err != nil {
			return nil, fmt.Errorf("the header of a page: %w", err)
		}
		c.at += int64(n)
		return h, nil
	}
}

// unpack decompresses data; the result must have size bytes.
func (c *cursor) unpack(data []byte, size int) ([]byte, error) {
	var out []byte
	var err error
	switch c.chunk.Codec {
	case format.Uncompressed:
		out = data
	case format.Snappy:
		var n int
		if n, err = snappy.DecodedLen(data); err == nil && n == size {
			out, err = snappy.Decode(nil, data)
		}
	case format.Gzip:
		var r *gzip.Reader
		if r, err = gzip.NewReader(bytes.NewReader(data)); err == nil {
			out, err = io.ReadAll(io.LimitReader(r, int64(size)+1))
		}
	case format.Zstd:
		var r *zstd.Decoder
		if r, err = zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(128<<20)); err == nil {
			out, err = io.ReadAll(io.LimitReader(r, int64(size)+1))
			r.Close()
		}
	default:
		return nil, fmt.Errorf("it is packed with %v, which is not read: write the file with snappy, gzip or zstd", c.chunk.Codec)
	}
	if err != nil {
		return nil, fmt.Errorf("a page cannot be unpacked: %w: the file is damaged, fetch it again", err)
	}
	if len(out) != size {
		return nil, fmt.Errorf("a page unpacks to other than its %d bytes: the file is damaged, fetch it again", size)
	}
	return out, nil
}

func (c *cursor) dictionary(h *format.PageHeader, data []byte) error {
	d := h.DictionaryPageHeader.V
	data, err := c.unpack(data, int(h.UncompressedPageSize))
	if err != nil {
		return err
	}
	if d.NumValues < 0 || d.NumValues > maxValues {
		return fmt.Errorf("a dictionary of %d values: the file is damaged, fetch it again", d.NumValues)
	}
	c.values, err = c.leaf.plain(data, int(d.NumValues))
	return err
}

// count subtracts n from the values that are left.
func (c *cursor) count(n int32) (int, error) {
	if n < 0 || n > maxValues || int64(n) > c.left {
		return 0, fmt.Errorf("a page of %d values, where %d are left: the file is damaged, fetch it again", n, c.left)
	}
	c.left -= int64(n)
	return int(n), nil
}

func (c *cursor) pageV1(h *format.PageHeader, data []byte) error {
	d := h.DataPageHeader.V
	n, err := c.count(d.NumValues)
	if err != nil {
		return err
	}
	if data, err = c.unpack(data, int(h.UncompressedPageSize)); err != nil {
		return err
	}
	levels := func(most int) ([]uint32, error) {
		if most == 0 {
			return nil, nil
		}
		if len(data) < 4 {
			return nil, errPage
		}
		size := int64(binary.LittleEndian.Uint32(data))
		if size > int64(len(data)-4) {
			return nil, errPage
		}
		out, err := hybrid(data[4:4+size], bitWidth(most), n)
		data = data[4+size:]
		return out, err
	}
	rep, err := levels(c.leaf.rep)
	if err != nil {
		return err
	}
	def, err := levels(c.leaf.def)
	if err != nil {
		return err
	}
	return c.fill(n, rep, def, d.Encoding, data)
}

func (c *cursor) pageV2(h *format.PageHeader, data []byte) error {
	d := h.DataPageHeaderV2.V
	n, err := c.count(d.NumValues)
	if err != nil {
		return err
	}
	r, l := int64(d.RepetitionLevelsByteLength), int64(d.DefinitionLevelsByteLength)
	if r < 0 || l < 0 || r+l > int64(len(data)) || r+l > int64(h.UncompressedPageSize) {
		return errPage
	}
	var rep, def []uint32
	if c.leaf.rep > 0 {
		if rep, err = hybrid(data[:r], bitWidth(c.leaf.rep), n); err != nil {
			return err
		}
	}
	if c.leaf.def > 0 {
		if def, err = hybrid(data[r:r+l], bitWidth(c.leaf.def), n); err != nil {
			return err
		}
	}
	data = data[r+l:]
	if size := int(h.UncompressedPageSize) - int(r+l); (!d.IsCompressed.Valid || d.IsCompressed.V) && size > 0 {
		if data, err = c.unpack(data, size); err != nil {
			return err
		}
	}
	return c.fill(n, rep, def, d.Encoding, data)
}

// fill makes the entries of a page.
func (c *cursor) fill(n int, rep, def []uint32, encoding format.Encoding, data []byte) (err error) {
	there := n
	for i, d := range def {
		if int(d) > c.leaf.def || rep != nil && int(rep[i]) > c.leaf.rep {
			return errors.New("a level is too high: the file is damaged, fetch it again")
		}
		if int(d) < c.leaf.def {
			there--
		}
	}
	var values []any
	switch {
	case there == 0:
	//lint:ignore SA1019 writers of the format's first version still say PlainDictionary
	case encoding == format.RLEDictionary || encoding == format.PlainDictionary:
		if len(data) == 0 {
			return errPage
		}
		numbers, err := hybrid(data[1:], int(data[0]), there)
		if err != nil {
			return err
		}
		values = make([]any, there)
		for i, k := range numbers {
			if int(k) >= len(c.values) {
				return fmt.Errorf("value %d of a dictionary of %d: the file is damaged, fetch it again", k, len(c.values))
			}
			values[i] = c.values[k]
		}
	default:
		if values, err = c.leaf.values(data, encoding, there); err != nil {
			return err
		}
	}
	c.page = make([]entry, n)
	next := 0
	for i := range c.page {
		e := &c.page[i]
		e.def = c.leaf.def
		if def != nil {
			e.def = int(def[i])
		}
		if rep != nil {
			e.rep = int(rep[i])
		}
		if e.def == c.leaf.def {
			e.value = values[next]
			next++
		}
	}
	return nil
}

// text returns a copy of b, as a string if b is text.
func (n *node) text(b []byte) any {
	if utf8.Valid(b) {
		return string(b)
	}
	return bytes.Clone(b)
}
