package corpus

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// An input is an open file; reading gives its content, unpacked if it is packed.
type input struct {
	*bufio.Reader
	path   string
	packed string // "gzip", "zstd", or ""
	size   int64  // of the file
	file   fs.File
	close  []func()
}

// open opens a file or a sample. It must be a regular file and not empty.
func open(path string) (*input, error) {
	info, err := stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file (%s): give a file with text or examples", path, info.Mode())
	}
	if info.Size() == 0 {
		return nil, fmt.Errorf("%s: the file is empty: give a file with some text", path)
	}
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	in := &input{path: path, size: info.Size(), file: f, close: []func(){func() { f.Close() }}}
	if err := in.unpack(); err != nil {
		in.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return in, nil
}

// stat is os.Stat for files and samples.
func stat(path string) (fs.FileInfo, error) {
	f, sample, err := openSample(path)
	if !sample {
		return os.Stat(path)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Stat()
}

// openFile is os.Open for files and samples.
func openFile(path string) (fs.File, error) {
	f, sample, err := openSample(path)
	if !sample {
		return os.Open(path)
	}
	return f, err
}

func (in *input) Close() {
	for _, c := range in.close {
		c()
	}
}

// Magic numbers of packed files.
const (
	gzipMagic = "\x1f\x8b"
	zstdMagic = "\x28\xb5\x2f\xfd"
)

// unpack sets the reader according to the magic number of the file.
func (in *input) unpack() error {
	stored := &counter{r: in.file}
	raw := bufio.NewReaderSize(stored, 1<<16)
	magic, err := raw.Peek(4)
	if len(magic) == 0 && err != io.EOF {
		return withoutPath(err)
	}
	var unpacked io.Reader
	switch {
	case strings.HasPrefix(string(magic), gzipMagic):
		in.packed = "gzip"
		unpacked, err = gzip.NewReader(raw)
	case string(magic) == zstdMagic:
		in.packed = "zstd"
		var d *zstd.Decoder
		d, err = zstd.NewReader(raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWindow), zstd.WithDecoderLowmem(true))
		if err == nil {
			unpacked = d
			in.close = append([]func(){d.Close}, in.close...)
		}
	default:
		in.Reader = bufio.NewReaderSize(raw, int(min(maxHeader, max(in.size, 512))))
		return nil
	}
	if err != nil {
		return fmt.Errorf("the %s file cannot be unpacked: %w: fetch it again", in.packed, err)
	}
	in.Reader = bufio.NewReaderSize(&unpacker{r: unpacked, stored: stored, format: in.packed}, maxHeader)
	if _, err := in.Peek(1); err == io.EOF {
		return errors.New("the file is empty when it is unpacked: give a file with some text")
	} else if err != nil {
		return err
	}
	return nil
}

// unpackedName is the name of a file without .gz, .zst, .gzip or .zstd if it is packed.
func (in *input) unpackedName() string {
	name := in.path
	if in.packed != "" {
		if ext := strings.ToLower(filepath.Ext(name)); ext == ".gz" || ext == ".zst" || ext == ".gzip" || ext == ".zstd" {
			name = name[:len(name)-len(ext)]
		}
	}
	return name
}

// Limits for unpacking. Text does not grow more than this; a file that does was made to use up
// the memory or the time of the program that unpacks it.
const (
	maxGrowth     = 250      // unpacked size by packed size
	freeGrowth    = 16 << 20 // unpacked bytes that are always allowed
	maxZstdWindow = 128 << 20
)

// A counter counts the bytes that are read from r.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// An unpacker reads unpacked data within the limits.
type unpacker struct {
	r      io.Reader
	stored *counter
	n      int64
	format string
}

func (u *unpacker) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	u.n += int64(n)
	switch {
	case u.n > freeGrowth && u.n > maxGrowth*u.stored.n:
		return 0, fmt.Errorf("%d bytes unpack to more than %d times as many: text does not, and what does may be meant to fill the memory; unpack it yourself if it is in order", u.stored.n, maxGrowth)
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("the %s file ends too early: it was cut short, fetch it again", u.format)
	case err != nil && err != io.EOF:
		err = fmt.Errorf("the %s file cannot be unpacked: %w: fetch it again", u.format, err)
	}
	return n, err
}
