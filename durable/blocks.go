package durable

import (
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
)

// blockSize is how many bytes of a file that is saved in blocks have a checksum of their
// own. What is left for the last block may be fewer.
const blockSize = 1 << 20

// castagnoli is the polynomial that processors have an instruction for.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// blockSums are the CRC32C of the blocks of a file, in their order. SHA-256 would take
// as long as the disk; CRC32C takes a fifteenth of that, and says where the damage is. It
// finds every change within 32 bits in a row, and of the others, exchanged pieces among
// them, all but about one in 2³¹. The list itself is under the SHA-256 of the manifest.
type blockSums []uint32

// blocks is the number of blocks of a file of size bytes.
func blocks(size int64) int { return int((size + blockSize - 1) / blockSize) }

// MarshalText is eight hexadecimal digits a block.
func (s blockSums) MarshalText() ([]byte, error) {
	text := make([]byte, 0, 8*len(s))
	for _, sum := range s {
		text = fmt.Appendf(text, "%08x", sum)
	}
	return text, nil
}

func (s *blockSums) UnmarshalText(text []byte) error {
	if len(text)%8 != 0 {
		return fmt.Errorf("checksums of %d digits, not of eight each", len(text))
	}
	*s = make(blockSums, len(text)/8)
	for i := range *s {
		var sum [4]byte
		if _, err := hex.Decode(sum[:], text[8*i:8*i+8]); err != nil {
			return err
		}
		(*s)[i] = uint32(sum[0])<<24 | uint32(sum[1])<<16 | uint32(sum[2])<<8 | uint32(sum[3])
	}
	return nil
}

// A blockSummer takes the checksums of what is written to it.
type blockSummer struct {
	sums blockSums
	n    int // bytes of the last block so far
}

func (b *blockSummer) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if b.n %= blockSize; b.n == 0 {
			b.sums = append(b.sums, 0)
		}
		part := rest[:min(len(rest), blockSize-b.n)]
		last := &b.sums[len(b.sums)-1]
		*last = crc32.Update(*last, castagnoli, part)
		b.n += len(part)
		rest = rest[len(part):]
	}
	return len(p), nil
}

// A blockFile is a file whose blocks are compared with their checksums as they are
// read: what is decoded are the very bytes that were compared.
type blockFile struct {
	InFile
	sums  blockSums
	block []byte // that was read last
	at    int    // its number; -1 for none
	seen  []bool // the blocks that were compared
	err   error  // the first that was damaged, or could not be read
}

func newBlockFile(f InFile, sums blockSums) *blockFile {
	return &blockFile{InFile: f, sums: sums, block: make([]byte, min(f.Size(), blockSize)), at: -1, seen: make([]bool, len(sums))}
}

// ReadAt reads from whole blocks.
func (b *blockFile) ReadAt(p []byte, at int64) (n int, err error) {
	for n < len(p) && err == nil && at < b.Size() {
		if err = b.read(int(at / blockSize)); err == nil {
			k := copy(p[n:], b.block[at%blockSize:])
			n, at = n+k, at+int64(k)
		}
	}
	if n < len(p) && err == nil {
		err = io.EOF
	}
	return n, err
}

// read makes block the block i.
func (b *blockFile) read(i int) error {
	if b.at == i || b.err != nil {
		return b.err
	}
	from := int64(i) * blockSize
	b.at, b.block = i, b.block[:min(b.Size()-from, blockSize)]
	if err := readFull(b.InFile, b.block, from); err != nil {
		b.err = err
	} else if sum := crc32.Checksum(b.block, castagnoli); sum != b.sums[i] {
		b.err = fmt.Errorf("bytes %d to %d changed after they were saved (CRC32C %08x, saved was %08x)", from, from+int64(len(b.block))-1, sum, b.sums[i])
	}
	b.seen[i] = true
	return b.err
}

// rest compares the blocks that nobody has read yet.
func (b *blockFile) rest() error {
	for i, seen := range b.seen {
		if !seen && b.read(i) != nil {
			break
		}
	}
	return b.err
}

// readFull fills p from the bytes of f from at on.
func readFull(f InFile, p []byte, at int64) error {
	n, err := f.ReadAt(p, at)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("reading %d bytes at byte %d: %w", len(p), at, reason(err))
}
