package token

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// Spelling is the form of a token in files of BPE. Byte-level: a visible character for each
// byte (a space is Ġ). SentencePiece: ▁ for a space, and <0x41> for a byte. Added tokens stay
// as they are. For other kinds it is [Tokenizer.Token]. It panics if id is outside the
// vocabulary.
func (t *Tokenizer) Spelling(id int32) string {
	text := t.Token(id)
	if t.bpe == nil {
		return text
	}
	if t.bpe.hasAdded(id) {
		return text
	}
	return t.bpe.spell(id, text)
}

// Merges returns the merges in the order of their ranks, in the form of files: two spellings
// with a space in between. Only BPE has merges.
func (t *Tokenizer) Merges() []string {
	if t.bpe == nil {
		return nil
	}
	lines := make([]string, len(t.bpe.merges))
	for i, m := range t.bpe.merges {
		lines[i] = t.bpe.spell(m.left, t.text[m.left]) + " " + t.bpe.spell(m.right, t.text[m.right])
	}
	return lines
}

// Files returns the files, by name, that store t in a directory: for BPE the files of
// [Tokenizer.HuggingFace], for other kinds a tokenizer.json in a format of this package.
func (t *Tokenizer) Files() (map[string][]byte, error) {
	if t.bpe != nil {
		return t.HuggingFace()
	}
	data, err := t.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("write the tokenizer: %w", err)
	}
	return map[string][]byte{tokenizerFile: append(data, '\n')}, nil
}

// HuggingFace returns the files, by name, from which Hugging Face's libraries make the same
// tokenizer: tokenizer.json, tokenizer_config.json, and chat_template.jinja if there is a chat
// template. A BPE that cuts texts as GPT-2 is a GPT2Tokenizer, with vocab.json and
// merges.txt; all others are read as tokenizer.json says. [LoadFS] reads the files, too.
func (t *Tokenizer) HuggingFace() (map[string][]byte, error) {
	files := map[string][]byte{configFile: t.configJSON()}
	if t.chat != "" {
		files[chatFile] = []byte(t.chat)
	}
	if t.bpe == nil {
		files[tokenizerFile] = append(t.marshalPlain(), '\n')
		return files, nil
	}
	files[tokenizerFile] = append(t.marshalBPE(), '\n')
	if !t.bpe.isGPT2() {
		return files, nil
	}
	var vocab, merges bytes.Buffer
	t.writeVocab(&vocab)
	vocab.WriteByte('\n')
	merges.WriteString("#version: 0.2\n")
	for _, line := range t.Merges() {
		merges.WriteString(line + "\n")
	}
	files[vocabFile], files[mergesFile] = vocab.Bytes(), merges.Bytes()
	return files, nil
}

// isGPT2 reports whether a GPT2Tokenizer of transformers, which looks at vocabulary and merges
// alone, cuts texts as b.
func (b *bpe) isGPT2() bool {
	return b.split == SplitGPT2 && b.pieces == nil && b.wholeWords == nil && !b.nfc && len(b.before)+len(b.after) == 0
}

// configJSON writes tokenizer_config.json.
func (t *Tokenizer) configJSON() []byte {
	var o bytes.Buffer
	if t.bpe == nil || !t.bpe.isGPT2() {
		o.WriteString(`{"tokenizer_class":"PreTrainedTokenizerFast","clean_up_tokenization_spaces":false`)
	} else {
		o.WriteString(`{"tokenizer_class":"GPT2Tokenizer","add_prefix_space":`)
		writeJSON(&o, t.bpe.prefixSpace)
	}
	// A name that is missing would get GPT-2's token by default.
	for _, name := range []string{"bos_token", "eos_token", "unk_token"} {
		o.WriteString(`,"` + name + `":`)
		id, ok := t.BOS()
		if name == "eos_token" {
			id, ok = t.EOS()
		}
		if ok {
			writeJSON(&o, t.text[id])
		} else {
			o.WriteString("null")
		}
	}
	o.WriteString(`,"added_tokens_decoder":{`)
	for i, a := range t.Added() {
		if i > 0 {
			o.WriteByte(',')
		}
		fmt.Fprintf(&o, `"%d":`, a.ID)
		writeJSON(&o, a.entry(false))
	}
	o.WriteString("}")
	if t.chat != "" {
		o.WriteString(`,"chat_template":`)
		writeJSON(&o, t.chat)
	}
	o.WriteString("}\n")
	return o.Bytes()
}

// SaveDir writes [Tokenizer.Files] to dir, and makes dir if needed. Like [Tokenizer.Save] it
// does not protect against a power failure.
func (t *Tokenizer) SaveDir(dir string) error {
	files, err := t.Files()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("save the tokenizer: %w", err)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return fmt.Errorf("save the tokenizer: %w", err)
		}
	}
	return nil
}
