package gguf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/pedestrian-ml/pedestrian/internal/growth"
)

// TestHeadersAreLinear: headers with many keys, texts in an array, and tensors.
func TestHeadersAreLinear(t *testing.T) {
	u32 := func(b []byte, v int) []byte { return binary.LittleEndian.AppendUint32(b, uint32(v)) }
	u64 := func(b []byte, v int) []byte { return binary.LittleEndian.AppendUint64(b, uint64(v)) }
	text := func(b []byte, s string) []byte { return append(u64(b, len(s)), s...) }
	head := func(tensors, pairs int) []byte { return u64(u64(u32([]byte(magic), 3), tensors), pairs) }
	const kindU8, kindText = 0, 8
	for name, header := range map[string]func(n int) []byte{
		"keys": func(n int) []byte {
			n = min(n, maxPairs)
			b := head(0, n)
			for i := range n {
				b = append(u32(text(b, fmt.Sprint("key.", i)), kindU8), 1)
			}
			return b
		},
		"texts": func(n int) []byte {
			b := u64(u32(u32(text(head(0, 1), "a"), kindArray), kindText), n)
			for i := range n {
				b = text(b, fmt.Sprint(i))
			}
			return b
		},
		"tensors": func(n int) []byte {
			n = min(n, maxTensors)
			b := head(n, 0)
			for i := range n {
				b = u64(u32(u64(u32(text(b, fmt.Sprint("t", i)), 1), 8), int(F32)), 32*i)
			}
			return append(b, make([]byte, 64*(n+1))...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			growth.Linear(t, 64, func(n int) func() {
				file := header(n)
				return func() {
					f, err := Read(bytes.NewReader(file), int64(len(file)))
					if err != nil && name != "tensors" {
						t.Fatal(err)
					}
					if err == nil && len(f.Pairs)+len(f.Tensors) == 0 {
						t.Fatal("nothing was read")
					}
				}
			})
		})
	}
}
