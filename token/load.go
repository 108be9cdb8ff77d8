package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// File names of a tokenizer in a directory of Hugging Face.
const (
	tokenizerFile = "tokenizer.json"
	pieceFile     = "tokenizer.model"
	vocabFile     = "vocab.json"
	mergesFile    = "merges.txt"
	configFile    = "tokenizer_config.json"
	specialFile   = "special_tokens_map.json"
	addedFile     = "added_tokens.json"
	chatFile      = "chat_template.jinja"

	maxFile = 64 << 20 // bytes: more than any vocabulary needs
)

// Load reads a tokenizer from a tokenizer.json, in the format of this package or of Hugging
// Face, from a tokenizer.model of SentencePiece, or from a directory as [LoadFS] does. The
// error names the file and what is wrong.
func Load(path string) (*Tokenizer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("load the tokenizer: %w", err)
	}
	if info.IsDir() {
		t, err := LoadFS(os.DirFS(path))
		if err != nil {
			return nil, fmt.Errorf("%w (in %s)", err, path)
		}
		return t, nil
	}
	dir, name := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	data, err := readFile(os.DirFS(dir), name)
	if err != nil {
		return nil, fmt.Errorf("load the tokenizer: %w", err)
	}
	var t *Tokenizer
	if filepath.Ext(name) == filepath.Ext(pieceFile) {
		t, err = loadPieces(data, &config{})
	} else {
		t, err = parse(data)
	}
	if err != nil {
		return nil, fmt.Errorf("load the tokenizer: %s: %w", path, err)
	}
	return t, nil
}

// LoadFS reads the tokenizer of a directory: tokenizer.json, or else tokenizer.model of
// SentencePiece, or else vocab.json with merges.txt, the form in which GPT-2's are published.
// If they exist, tokenizer_config.json, special_tokens_map.json, added_tokens.json and
// chat_template.jinja are read, too: they name the end-of-text token and the added tokens,
// and give the chat template. File names are never read from a file, so nothing outside fsys
// is read.
func LoadFS(fsys fs.FS) (*Tokenizer, error) {
	t, err := loadFS(fsys)
	if err != nil {
		return nil, fmt.Errorf("load the tokenizer: %w", err)
	}
	return t, nil
}

func loadFS(fsys fs.FS) (*Tokenizer, error) {
	c, err := readConfig(fsys)
	if err != nil {
		return nil, err
	}
	data, err := readFile(fsys, tokenizerFile)
	if errors.Is(err, fs.ErrNotExist) {
		return loadOlder(fsys, c)
	}
	if err != nil {
		return nil, err
	}
	t, err := parseWith(data, c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", tokenizerFile, err)
	}
	return t, c.apply(t)
}

// loadOlder reads the files of a directory without tokenizer.json.
func loadOlder(fsys fs.FS, c *config) (*Tokenizer, error) {
	data, err := readFile(fsys, pieceFile)
	if errors.Is(err, fs.ErrNotExist) {
		return loadParts(fsys, c)
	}
	if err != nil {
		return nil, err
	}
	t, err := loadPieces(data, c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", pieceFile, err)
	}
	return t, nil
}

// loadPieces reads a tokenizer.model. A text begins with its token <s>, unless the
// configuration says otherwise, as in LlamaTokenizer of transformers.
func loadPieces(data []byte, c *config) (*Tokenizer, error) {
	s, err := parseSentencePiece(data)
	if err != nil {
		return nil, err
	}
	h, err := s.parts.huggingFace()
	if err != nil {
		return nil, err
	}
	c.addTokens(h)
	t, err := h.tokenizer()
	if err != nil {
		return nil, err
	}
	if id, ok := t.Special(s.bos); ok {
		t.bpe.before = []int32{id}
	}
	return t, c.apply(t)
}

// loadParts reads vocab.json and merges.txt.
func loadParts(fsys fs.FS, c *config) (*Tokenizer, error) {
	data, err := readFile(fsys, vocabFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("none of %s, %s and %s is there: %w", tokenizerFile, pieceFile, vocabFile, fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	if !c.isGPT2() {
		return nil, fmt.Errorf("%s: tokenizer_class %.40q is not supported with %s and %s: they are read as GPT-2's", configFile, c.class, vocabFile, mergesFile)
	}
	h := &huggingFace{}
	if err = strictJSON(data); err == nil {
		err = h.readVocab(json.NewDecoder(bytes.NewReader(data)))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", vocabFile, err)
	}
	if data, err = readFile(fsys, mergesFile); err != nil {
		return nil, err
	}
	if err := h.readMergesText(data); err != nil {
		return nil, fmt.Errorf("%s: %w", mergesFile, err)
	}
	if id, in := h.vocab[endOfText]; in { // GPT-2's vocabulary contains it
		h.added = []Added{{ID: id, Text: endOfText, Special: true}}
	}
	c.addTokens(h)
	t, err := h.tokenizer()
	if err != nil {
		return nil, fmt.Errorf("%s with %s: %w", vocabFile, mergesFile, err)
	}
	return t, c.apply(t)
}

// readMergesText reads merges.txt: a line "#version: 0.2", then one merge per line.
func (h *huggingFace) readMergesText(data []byte) error {
	if i := firstBadByte(data); i >= 0 {
		return fmt.Errorf("byte 0x%02x at offset %d is not UTF-8: the file is damaged", data[i], i)
	}
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimRight(line, "\r\n")
		if line == "" || number == 1 && strings.HasPrefix(line, "#version") {
			continue
		}
		if len(h.merges) == maxTokens {
			return fmt.Errorf("more than %d merges", maxTokens)
		}
		if err := h.addMerge(line); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
	return nil
}

// readFile reads a regular file of at most maxFile bytes.
func readFile(fsys fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s has %d bytes, more than %d: no vocabulary needs so many", name, info.Size(), maxFile)
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s has more than %d bytes: no vocabulary needs so many", name, maxFile)
	}
	return data, err
}
