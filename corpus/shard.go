package corpus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/pedestrian-ml/pedestrian/internal/memory"
)

// A token shard is a file of token numbers in the format of llm.c: a header of 256
// little-endian int32, whose first three are magic number, version and number of tokens;
// then each token in two bytes.
const (
	shardMagic   = 20240520
	shardMagic32 = 20240801 // llm.c's shards with four bytes per token
	shardVersion = 1
	shardHeader  = 1024 // bytes
	shardSuffix  = ".bin"
)

// IsShards reports whether path names token shards: a file whose name ends in .bin, or a
// directory with such a file.
func IsShards(path string) bool {
	if strings.HasSuffix(path, shardSuffix) {
		return true
	}
	paths, err := files(path)
	for _, p := range paths {
		if err == nil && p != path && strings.HasSuffix(p, shardSuffix) {
			return true
		}
	}
	return false
}

// LoadShards reads the tokens of a shard, or of all shards under a directory in the order of
// their paths. First it checks all of them: each token must be below vocab, and each shard
// longer than a window of context tokens. The headers must be equal except for the number of
// tokens: shards with different headers, for example of different tokenizers, are parts of
// different corpora.
//
// The error is one line with the file, the offset in bytes, the value there, and what to do.
func LoadShards(path string, vocab, context int) ([]int32, error) {
	paths, err := files(path)
	if err != nil {
		return nil, fmt.Errorf("load token shards: %w", err)
	}
	if err := sameHeaders(paths); err != nil {
		return nil, fmt.Errorf("load token shards: %w", err)
	}
	if size, err := sizeOf(paths); err == nil { // two bytes per token in the file, four in memory
		if err := memory.Ask(2*size, fmt.Sprintf("load token shards: %s: its tokens need", path), "give less of them"); err != nil {
			return nil, err
		}
	}
	total := 0
	for _, p := range paths {
		n, err := scanShard(p, vocab, context, nil)
		if err != nil {
			return nil, fmt.Errorf("load token shards: %s: %w", p, err)
		}
		total += n
	}
	tokens := make([]int32, 0, total)
	for _, p := range paths {
		if _, err := scanShard(p, vocab, context, &tokens); err != nil {
			return nil, fmt.Errorf("load token shards: %s: %w", p, err)
		}
	}
	return tokens, nil
}

// sameHeaders returns an error if the headers of shards differ after the number of tokens.
// It skips files that are not shards; scanShard finds those.
func sameHeaders(paths []string) error {
	const after = 12
	var first []byte
	var of string
	for _, p := range paths {
		header := make([]byte, shardHeader)
		info, err := os.Stat(p)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		f, err := os.Open(p)
		if err != nil {
			continue
		}
		_, err = io.ReadFull(f, header)
		f.Close()
		if err != nil || int32(binary.LittleEndian.Uint32(header)) != shardMagic {
			continue
		}
		if first == nil {
			first, of = header, p
		}
		for i := after; i < shardHeader; i += 4 {
			if a, b := binary.LittleEndian.Uint32(first[i:]), binary.LittleEndian.Uint32(header[i:]); a != b {
				return fmt.Errorf("%s: the number at offset %d is %d, and that of %s is %d: shards with different headers are of different corpora or tokenizers, keep them apart", p, i, int32(b), of, int32(a))
			}
		}
	}
	return nil
}

// SameShards compares the headers of the shards at two paths, such as training and
// validation, in the same way as LoadShards does within one path.
func SameShards(a, b string) error {
	var all []string
	for _, path := range []string{a, b} {
		paths, err := files(path)
		if err != nil {
			return fmt.Errorf("load token shards: %w", err)
		}
		all = append(all, paths...)
	}
	if err := sameHeaders(all); err != nil {
		return fmt.Errorf("load token shards: %w", err)
	}
	return nil
}

// scanShard checks one shard, and appends its tokens to out if out is not nil.
func scanShard(path string, vocab, context int, out *[]int32) (n int, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, withoutPath(err)
	}
	if !info.Mode().IsRegular() {
		return 0, fmt.Errorf("not a regular file (%s): give token shards", info.Mode())
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, withoutPath(err)
	}
	defer f.Close()
	return readShard(f, info.Size(), vocab, context, out)
}

// withoutPath removes the path from an error of package os; the caller names the path.
func withoutPath(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return fmt.Errorf("%s: %w", e.Op, e.Err)
	}
	return err
}

// readShard reads a shard of size bytes.
func readShard(r io.Reader, size int64, vocab, context int, out *[]int32) (n int, err error) {
	var header [shardHeader]byte
	if size == 0 {
		return 0, errors.New("the file is empty: give a token shard")
	}
	got, err := io.ReadFull(r, header[:])
	number := func(i int) int32 { return int32(binary.LittleEndian.Uint32(header[4*i:])) }
	magic := number(0)
	switch {
	case got >= 4 && magic == shardMagic32:
		return 0, fmt.Errorf("the magic number %d at offset 0 is that of tokens in four bytes: write them in two, with magic number %d", magic, shardMagic)
	case magic != shardMagic && utf8.Valid(header[:min(got, 64)]):
		return 0, fmt.Errorf("%.16q at offset 0 is text, not a token shard: give its name another ending than %s", header[:got], shardSuffix)
	case magic != shardMagic:
		return 0, fmt.Errorf("the magic number at offset 0 is %d, not %d: not a token shard of llm.c", magic, shardMagic)
	case err != nil:
		return 0, fmt.Errorf("the file has %d bytes, and the header alone takes %d: it was cut short, fetch it again", got, shardHeader)
	case number(1) != shardVersion:
		return 0, fmt.Errorf("version %d at offset 4: this program reads version %d", number(1), shardVersion)
	case number(2) < 1:
		return 0, fmt.Errorf("a count of %d tokens at offset 8: a shard has at least one", number(2))
	}
	n = int(number(2))
	switch want := shardHeader + 2*int64(n); {
	case size < want:
		return 0, fmt.Errorf("the file has %d bytes, and %d tokens (offset 8) take %d: it was cut short, fetch it again", size, n, want)
	case size > want:
		return 0, fmt.Errorf("%d bytes from offset %d on follow the %d tokens that offset 8 counts: not what was written, fetch it again", size-want, want, n)
	}
	if err := CheckLength("the shard", n, context); err != nil {
		return 0, err
	}
	buf := make([]byte, min(1<<16, 2*n))
	for at := 0; at < n; {
		b := buf[:min(len(buf), 2*(n-at))]
		if _, err := io.ReadFull(r, b); err != nil {
			return 0, fmt.Errorf("the file ends before token %d, at offset %d: it is being changed, try again: %w", at+len(b)/2, shardHeader+2*(at+len(b)/2), err)
		}
		for i := 0; i < len(b); i += 2 {
			t := binary.LittleEndian.Uint16(b[i:])
			if int(t) >= vocab {
				return 0, fmt.Errorf("token %d at offset %d is not in the vocabulary of %d: raise vocab, or take the shards of another tokenizer", t, shardHeader+2*at+i, vocab)
			}
			if out != nil {
				*out = append(*out, int32(t))
			}
		}
		at += len(b) / 2
	}
	if more, _ := r.Read(buf[:1]); more > 0 {
		return 0, fmt.Errorf("the file grew beyond offset %d while it was read: wait until it is written", size)
	}
	return n, nil
}

// AppendShard appends tokens as a shard to b. It panics if a token does not fit into two
// bytes.
func AppendShard(b []byte, tokens []int32) []byte {
	var header [shardHeader]byte
	for i, v := range []uint32{shardMagic, shardVersion, uint32(len(tokens))} {
		binary.LittleEndian.PutUint32(header[4*i:], v)
	}
	b = append(b, header[:]...)
	for i, t := range tokens {
		if t < 0 || t > math.MaxUint16 {
			panic(fmt.Sprintf("corpus.AppendShard: token %d at %d does not fit into two bytes", t, i))
		}
		b = binary.LittleEndian.AppendUint16(b, uint16(t))
	}
	return b
}

// SplitTokens divides tokens by position: the last fraction of them is val.
func SplitTokens(tokens []int32, fraction float64) (train, val []int32) {
	i := int((1 - fraction) * float64(len(tokens)))
	return tokens[:i], tokens[i:]
}
