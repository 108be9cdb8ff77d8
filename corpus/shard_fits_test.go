package corpus

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Shards that fit exactly: one token more than the context, as many bytes as the buffer
// that they are read through, one more and one less, the last token of the vocabulary,
// and the largest that two bytes hold.
func TestShardThatFitsExactly(t *testing.T) {
	const buffer = 1 << 16 / 2 // tokens
	write := func(tokens []int32) string {
		path := filepath.Join(t.TempDir(), "a.bin")
		if err := os.WriteFile(path, AppendShard(nil, tokens), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, n := range []int{2, 9, buffer - 1, buffer, buffer + 1, 2 * buffer} {
		tokens := someTokens(n)
		path := write(tokens)
		if got, err := LoadShards(path, 200, n-1); err != nil || !slices.Equal(got, tokens) {
			t.Errorf("%d tokens and a context of %d: %d, %v", n, n-1, len(got), err)
		}
		if _, err := LoadShards(path, 200, n); err == nil || !strings.Contains(err.Error(), "give more text") {
			t.Errorf("%d tokens and a context of %d: %v", n, n, err)
		}
	}
	for _, last := range []int32{99, math.MaxUint16} {
		tokens := []int32{0, last, 1, last}
		path := write(tokens)
		if got, err := LoadShards(path, int(last)+1, 3); err != nil || !slices.Equal(got, tokens) {
			t.Errorf("token %d of %d: %v, %v", last, last+1, got, err)
		}
		if _, err := LoadShards(path, int(last), 3); err == nil || !strings.Contains(err.Error(), "is not in the vocabulary") {
			t.Errorf("token %d of %d: %v", last, last, err)
		}
	}
}
