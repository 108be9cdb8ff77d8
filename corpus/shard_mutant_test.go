package corpus

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestEveryNumberOfAHeader: the headers of two shards are compared from the number behind
// the count to the last.
func TestEveryNumberOfAHeader(t *testing.T) {
	a, b := filepath.Join(t.TempDir(), "a.bin"), filepath.Join(t.TempDir(), "b.bin")
	shard := AppendShard(nil, someTokens(40))
	if err := os.WriteFile(a, shard, 0o644); err != nil {
		t.Fatal(err)
	}
	for at := 12; at < shardHeader; at += 4 {
		other := slices.Clone(shard)
		other[at+at/4%4] = 9
		if err := os.WriteFile(b, other, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := SameShards(a, b); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("offset %d ", at)) {
			t.Errorf("at offset %d: %v", at, err)
		}
	}
}
