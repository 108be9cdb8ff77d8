package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pedestrian-ml/pedestrian/corpus"
)

// Data that cannot be trained on is refused before the first step: exit code 2, and
// one line with the file, the offset and value where there are such, and a remedy.
func TestBadData(t *testing.T) {
	const limit = 30 * time.Second // of a refusal: milliseconds on an idle machine, and no machine is so slow
	dir := t.TempDir()
	put := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tokens := make([]int32, 2000)
	for i := range tokens {
		tokens[i] = int32(i*i) % 250
	}
	good := corpus.AppendShard(nil, tokens)
	changed := func(at int, v uint32) []byte {
		b := slices.Clone(good)
		binary.LittleEndian.PutUint32(b[at:], v)
		return b
	}
	id := slices.Clone(tokens)
	id[1999] = 256
	text := []byte(strings.Repeat("The grey cat saw 7 dogs.\n", 200))
	if err := os.Mkdir(filepath.Join(dir, "none"), 0o755); err != nil {
		t.Fatal(err)
	}
	put("short/a.bin", corpus.AppendShard(nil, tokens[:10]))
	put("short/b.bin", corpus.AppendShard(nil, tokens[:20]))
	put("mixed/a.bin", good)
	put("mixed/b.bin", corpus.AppendShard(nil, tokens[:32]))
	put("both/a.bin", good)
	put("both/read.txt", text)
	marked := changed(12, 50257) // what another tokenizer's writer might note
	put("tokenizers/a.bin", good)
	put("tokenizers/b.bin", marked)
	put("texts/a.txt", text[:2000])
	put("texts/b.txt", text[2000:])
	put("held/b.txt", text[2000:])
	shards := []string{"--tokenizer", "bytes"}
	with := func(flag, value string, more ...string) []string { return append([]string{flag, value}, more...) }
	for _, c := range []struct {
		name, data string
		args       []string
		says       []string // the file is added
	}{
		{"no files match", filepath.Join(dir, "none"), nil, []string{"holds no files", "give a text file"}},
		{"no such file", filepath.Join(dir, "absent.txt"), nil, []string{"no such file"}},
		{"empty file", put("empty.txt", nil), nil, []string{"the file is empty: give"}},
		{"empty shard", put("empty.bin", nil), shards, []string{"the file is empty: give"}},
		{"all shards too short", filepath.Join(dir, "short"), shards, []string{"a.bin: the shard has 10 tokens, and a window of context 32 needs 33", "give more text or a context of at most 9"}},
		{"one short shard", filepath.Join(dir, "mixed"), shards, []string{"b.bin: the shard has 32 tokens, and a window of context 32 needs 33"}},
		{"token outside the vocabulary", put("id.bin", corpus.AppendShard(nil, id)), shards, []string{"token 256 at offset 5022 is not in the vocabulary of 256: raise vocab"}},
		{"wider tokens", put("wide.bin", changed(0, 20240801)), shards, []string{"magic number 20240801 at offset 0 is that of tokens in four bytes: write them in two"}},
		{"wrong magic", put("magic.bin", changed(0, 0xffffffff)), shards, []string{"the magic number at offset 0 is -1, not 20240520"}},
		{"wrong version", put("version.bin", changed(4, 7)), shards, []string{"version 7 at offset 4: this program reads version 1"}},
		{"truncated", put("cut.bin", good[:len(good)-2]), shards, []string{"the file has 5022 bytes, and 2000 tokens (offset 8) take 5024", "fetch it again"}},
		{"trailing byte", put("more.bin", append(slices.Clone(good), 0)), shards, []string{"1 bytes from offset 5024 on follow the 2000 tokens", "fetch it again"}},
		{"text as shard", put("text.bin", text), shards, []string{`"The grey cat saw" at offset 0 is text`, "give its name another ending"}},
		{"shards and text mixed", filepath.Join(dir, "both"), shards, []string{"read.txt: ", "is text"}},
		{"shards as characters", filepath.Join(dir, "mixed"), nil, []string{"holds tokens, not text", "or bytes"}},
		{"shard as text", put("shard.txt", good), nil, []string{"a NUL byte at offset 5"}},
		{"validation empty", put("one.txt", []byte("a")), nil, []string{"split the text: its 1 bytes", "give more text"}},
		{"validation too short", put("few.txt", text[:300]), nil, []string{"the validation split has 30 tokens, and a window of context 32 needs 33", "give more text"}},
		{"batch 0", put("text.txt", text), []string{"--batch", "0"}, []string{"batch is 0: it must be between 1"}},
		{"batch times context above the tokens", put("text.txt", text), []string{"--batch", "200"}, []string{"batch 200 times context 32 is 6400 tokens, and the training split has 4500", "a batch of at most 140"}},
		{"path too long", filepath.Join(dir, strings.Repeat("x", 5000)), nil, []string{"file name too long"}},
		{"UTF-16", put("wide.txt", []byte("\xff\xfeO\x00n\x00c\x00e\x00")), nil, []string{"the byte order mark of UTF-16 at offset 0: convert the file with iconv"}},
		{"NUL in text", put("nul.txt", append(slices.Clone(text), 0, 'a')), nil, []string{"a NUL byte at offset 5000"}},
		{"not UTF-8", put("latin.txt", append(slices.Clone(text), 0xe9)), nil, []string{"byte 0xe9 at offset 5000 is not UTF-8: convert the file"}},
		{"two tokenizers", filepath.Join(dir, "tokenizers"), shards, []string{"b.bin: the number at offset 12 is 50257, and that of ", "a.bin is 0", "keep them apart"}},
		{"validation is the training file", put("text.txt", text), with("--val", filepath.Join(dir, "text.txt")), []string{"holds the bytes of", "which is trained on: take other text"}},
		{"validation is one of the training files", filepath.Join(dir, "texts"), with("--val", filepath.Join(dir, "held")), []string{"held/b.txt is for validation and holds the bytes of", "texts/b.txt"}},
		{"validation shard is trained on", put("good.bin", good), with("--val", filepath.Join(dir, "good.bin"), shards...), []string{"holds the bytes of"}},
		{"validation shard of another tokenizer", filepath.Join(dir, "good.bin"), with("--val", put("marked.bin", marked), shards...), []string{"marked.bin: the number at offset 12 is 50257", "different headers"}},
		{"validation file empty", put("text.txt", text), with("--val", put("empty.txt", nil)), []string{"empty.txt: the file is empty"}},
		{"validation file too short", put("text.txt", text), with("--val", put("few2.txt", text[:20])), []string{"few2.txt: the validation split has 20 tokens, and a window of context 32 needs 33"}},
		{"no validation file", put("text.txt", text), with("--val", filepath.Join(dir, "absent.txt")), []string{"absent.txt: no such file"}},
	} {
		out := filepath.Join(dir, "run")
		var stdout, stderr bytes.Buffer
		begin := time.Now()
		code := run(append([]string{"train", "--preset", "tiny", "--steps", "2", "--data", c.data, "--out", out}, c.args...), &stdout, &stderr)
		took := time.Since(begin)
		line, whole := strings.CutSuffix(stderr.String(), "\n")
		if code != 2 || !whole || strings.Contains(line, "\n") || stdout.Len() > 0 {
			t.Errorf("%s: exit code %d, %q on standard output, %q on standard error", c.name, code, stdout.String(), stderr.String())
		}
		if !slices.Contains(c.args, "--val") && c.name != "batch 0" { // those name theirs above, or none
			c.says = append(c.says, c.data)
		}
		for _, s := range c.says {
			if !strings.Contains(line, s) {
				t.Errorf("%s: %q does not say %q", c.name, line, s)
			}
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: a run directory was made", c.name)
		}
		if took > limit {
			t.Errorf("%s: refused after %v", c.name, took)
		}
	}
}

// What is no reason to refuse: one line of a megabyte, files from before 1970, good
// shards, and a validation file of its own, whose every token is kept for validation.
func TestOddData(t *testing.T) {
	dir := t.TempDir()
	line := filepath.Join(dir, "line.txt")
	if err := os.WriteFile(line, []byte(strings.Repeat("one line and no end ", 50_000)), 0o644); err != nil {
		t.Fatal(err)
	}
	old := time.Date(1965, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(line, old, old); err != nil {
		t.Fatal(err)
	}
	tokens := make([]int32, 4000)
	for i := range tokens {
		tokens[i] = int32(i*i) % 50257
	}
	shard := filepath.Join(dir, "shard.bin")
	if err := os.WriteFile(shard, corpus.AppendShard(nil, tokens), 0o644); err != nil {
		t.Fatal(err)
	}
	held := filepath.Join(dir, "held.txt")
	if err := os.WriteFile(held, []byte(strings.Repeat("another line without end ", 40)), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"val":   {"--data", line, "--val", held},
		"line":  {"--data", line},
		"shard": {"--data", shard, "--tokenizer", "bytes", "--vocab", "50257", "--val-fraction", "0.2"},
	} {
		var stdout, stderr bytes.Buffer
		args = append([]string{"train", "--preset", "tiny", "--steps", "2", "--eval-batches", "1", "--out", filepath.Join(dir, name)}, args...)
		if code := run(args, &stdout, &stderr); code != 0 {
			t.Errorf("%s: exit code %d: %s", name, code, stderr.String())
		}
		if says := "1,000,000 to train on and 1,000 to validate"; name == "val" && !strings.Contains(stderr.String()+stdout.String(), says) {
			t.Errorf("%s: %q does not say %q", name, stdout.String(), says)
		}
	}
}
