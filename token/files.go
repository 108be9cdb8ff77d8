package token

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// Spelling is how files of byte-level BPE write a token: a visible character for each
// byte (a space is Ġ), and added tokens as they are. For other kinds it is
// [Tokenizer.Token]. It panics if id is outside the vocabulary.
func (t *Tokenizer) Spelling(id int32) string {
	text := t.Token(id)
	if t.bpe == nil {
		return text
	}
	if _, added := t.bpe.isAdded[id]; added {
		return text
	}
	return spell(text)
}

// Merges returns the merges in the order of their ranks, as files write them: two
// spellings with a space between. Other kinds than BPE have none.
func (t *Tokenizer) Merges() []string {
	if t.bpe == nil {
		return nil
	}
	lines := make([]string, len(t.bpe.merges))
	for i, m := range t.bpe.merges {
		lines[i] = spell(t.text[m.left]) + " " + spell(t.text[m.right])
	}
	return lines
}

// Files returns the files, by name, that hold t in a directory: for BPE those of
// [Tokenizer.HuggingFace], for other kinds tokenizer.json, which is ours.
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

// HuggingFace returns the files, by name, from which Hugging Face's libraries make the
// same tokenizer: tokenizer.json, of BPE the older pair of vocab.json and merges.txt,
// tokenizer_config.json and, if there is a chat template, chat_template.jinja. BPE is
// a GPT2Tokenizer; bytes and characters are models that give the same ids. [LoadFS]
// reads them, too.
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

// configJSON is tokenizer_config.json.
func (t *Tokenizer) configJSON() []byte {
	var o bytes.Buffer
	if t.bpe == nil {
		o.WriteString(`{"tokenizer_class":"PreTrainedTokenizerFast","clean_up_tokenization_spaces":false`)
	} else {
		o.WriteString(`{"tokenizer_class":"GPT2Tokenizer","add_prefix_space":`)
		put(&o, t.bpe.prefixSpace)
	}
	// The class would take GPT-2's own marks for those that are not named.
	for _, name := range []string{"bos_token", "eos_token", "unk_token"} {
		o.WriteString(`,"` + name + `":`)
		id, ok := t.BOS()
		if name == "eos_token" {
			id, ok = t.EOS()
		}
		if ok {
			put(&o, t.text[id])
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
		put(&o, a.entry(false))
	}
	o.WriteString("}")
	if t.chat != "" {
		o.WriteString(`,"chat_template":`)
		put(&o, t.chat)
	}
	o.WriteString("}\n")
	return o.Bytes()
}

// SaveDir writes [Tokenizer.Files] into dir, which it makes. Like [Tokenizer.Save] it
// writes plainly.
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
