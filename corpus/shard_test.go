package corpus

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func someTokens(n int) []int32 {
	tokens := make([]int32, n)
	for i := range tokens {
		tokens[i] = int32((i*i*31 + i) % 200)
	}
	return tokens
}

func TestShardsRoundTrip(t *testing.T) {
	dir := t.TempDir()
	var all []int32
	for i, n := range []int{40000, 9, 200} { // one is longer than a buffer
		tokens := someTokens(n)
		all = append(all, tokens...)
		name := filepath.Join(dir, string(rune('a'+i))+".bin")
		if err := os.WriteFile(name, AppendShard(nil, tokens), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := LoadShards(dir, 200, 8)
	if err != nil || !slices.Equal(got, all) {
		t.Errorf("%d tokens came back of %d: %v", len(got), len(all), err)
	}
	if _, err := LoadShards(dir, 200, 9); err == nil || !strings.Contains(err.Error(), "b.bin: the shard has 9 tokens, and a window of context 9 needs 10") {
		t.Errorf("a short shard: %v", err)
	}
	train, val := SplitTokens(all, 0.1)
	if len(val) != 4021 || !slices.Equal(slices.Concat(train, val), all) {
		t.Errorf("split into %d and %d", len(train), len(val))
	}
	if !IsShards(dir) || !IsShards(filepath.Join(dir, "a.bin")) || !IsShards("absent.bin") || IsShards(t.TempDir()) || IsShards("a.txt") {
		t.Error("IsShards is wrong")
	}
}

// TestShardsOfTwoTokenizers: beyond the counts headers must be equal.
func TestShardsOfTwoTokenizers(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	shard := AppendShard(nil, someTokens(100))
	marked := slices.Clone(shard)
	marked[15] = 1
	for path, data := range map[string][]byte{filepath.Join(dir, "a.bin"): shard, filepath.Join(dir, "b.bin"): AppendShard(nil, someTokens(50)), filepath.Join(other, "c.bin"): marked} {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := LoadShards(dir, 200, 8); err != nil {
		t.Error(err)
	}
	says := "c.bin: the number at offset 12 is 16777216, and that of " + filepath.Join(dir, "a.bin") + " is 0: shards with different headers"
	if err := SameShards(dir, other); err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("%v", err)
	}
	if err := SameShards(dir, dir); err != nil {
		t.Error(err)
	}
	if err := SameShards(dir, filepath.Join(dir, "absent")); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "c.bin"), marked, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir, filepath.Join(dir, "again")); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadShards(dir, 200, 8); err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("%v", err)
	}
}

// badShards are shards of 100 tokens below 200 with one thing wrong, and what must be said.
func badShards() map[string]struct {
	data []byte
	says string
} {
	type bad = struct {
		data []byte
		says string
	}
	good := AppendShard(nil, someTokens(100))
	set := func(at int, v uint32) []byte {
		b := slices.Clone(good)
		binary.LittleEndian.PutUint32(b[at:], v)
		return b
	}
	token := func(i int) []byte {
		b := slices.Clone(good)
		binary.LittleEndian.PutUint16(b[1024+2*i:], 200)
		return b
	}
	return map[string]bad{
		"empty":        {nil, "the file is empty"},
		"one byte":     {good[:1], "the magic number at offset 0 is 136"},
		"magic alone":  {good[:4], "the file has 4 bytes, and the header alone takes 1024"},
		"half header":  {good[:512], "the file has 512 bytes, and the header alone takes 1024"},
		"magic":        {set(0, 0xfffefdfc), "the magic number at offset 0 is -66052, not 20240520"},
		"wide":         {set(0, 20240801), "is that of tokens in four bytes"},
		"text":         {[]byte(strings.Repeat("Once upon a time. ", 80)), `"Once upon a time" at offset 0 is text`},
		"short text":   {[]byte("Once."), `"Once." at offset 0 is text`},
		"version":      {set(4, 2), "version 2 at offset 4"},
		"count 0":      {set(8, 0), "a count of 0 tokens at offset 8"},
		"negative":     {set(8, 1<<31), "a count of -2147483648 tokens at offset 8"},
		"count high":   {set(8, 101), "the file has 1224 bytes, and 101 tokens (offset 8) take 1226"},
		"count huge":   {set(8, 1<<31-1), "and 2147483647 tokens (offset 8) take 4294968318"},
		"count low":    {set(8, 99), "2 bytes from offset 1222 on follow the 99 tokens"},
		"odd":          {good[:len(good)-1], "was cut short"},
		"trailing":     {append(slices.Clone(good), 0), "1 bytes from offset 1224 on follow"},
		"first token":  {token(0), "token 200 at offset 1024 is not in the vocabulary of 200"},
		"middle token": {token(50), "token 200 at offset 1124 is not in"},
		"last token":   {token(99), "token 200 at offset 1222 is not in"},
	}
}

func TestShardsRefused(t *testing.T) {
	for name, c := range badShards() {
		path := filepath.Join(t.TempDir(), "data.bin")
		if err := os.WriteFile(path, c.data, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := LoadShards(path, 200, 8)
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "load token shards: "+path+": ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	dir := t.TempDir()
	sparse := filepath.Join(dir, "sparse.bin")
	if err := os.WriteFile(sparse, AppendShard(nil, someTokens(100)), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(sparse, 5<<30); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{
		sparse:                           "5368707896 bytes from offset 1224 on follow",
		filepath.Join(dir, "absent.bin"): "no such file",
		t.TempDir():                      "holds no files",
	} {
		if _, err := LoadShards(path, 200, 8); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", path, err, says)
		}
	}
	if _, err := scanShard(filepath.Join(dir, "absent.bin"), 200, 8, nil); err == nil || err.Error() != "stat: no such file or directory" {
		t.Errorf("a file that went away: %v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "dir.bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := scanShard(filepath.Join(dir, "dir.bin"), 200, 8, nil); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a directory: %v", err)
	}
}

// A shard that changes while it is read.
func TestShardChanges(t *testing.T) {
	good := AppendShard(nil, someTokens(100))
	for _, c := range []struct {
		data []byte
		says string
	}{
		{good[:1100], "the file ends before token 100, at offset 1224: it is being changed"},
		{append(slices.Clone(good), 1, 2), "the file grew beyond offset 1224"},
	} {
		if _, err := readShard(bytes.NewReader(c.data), int64(len(good)), 200, 8, nil); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v, want %q", err, c.says)
		}
	}
}

func TestAppendShardPanics(t *testing.T) {
	for _, token := range []int32{-1, 1 << 16} {
		func() {
			defer func() {
				if r, _ := recover().(string); !strings.Contains(r, "corpus.AppendShard: token") {
					t.Errorf("token %d: %q", token, r)
				}
			}()
			AppendShard(nil, []int32{1, token})
		}()
	}
}

// FuzzShard checks that no file makes the reader panic, and that what it accepts is
// written again to the same bytes, the rest of the header aside.
func FuzzShard(f *testing.F) {
	f.Add(AppendShard(nil, someTokens(100)), uint16(200))
	for _, c := range badShards() {
		f.Add(c.data, uint16(200))
	}
	f.Fuzz(func(t *testing.T, data []byte, vocab uint16) {
		var tokens []int32
		n, err := readShard(bytes.NewReader(data), int64(len(data)), int(vocab), 8, &tokens)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			return
		}
		again := AppendShard(nil, tokens)
		if n != len(tokens) || n < 9 || len(again) != len(data) || !bytes.Equal(again[:12], data[:12]) || !bytes.Equal(again[shardHeader:], data[shardHeader:]) {
			t.Errorf("%d tokens of %d bytes came back as %d bytes", n, len(data), len(again))
		}
		for _, id := range tokens {
			if id < 0 || int(id) >= int(vocab) {
				t.Errorf("token %d in a vocabulary of %d", id, vocab)
			}
		}
	})
}
