package token

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
)

// A config is what stands beside a vocabulary in a directory of Hugging Face.
type config struct {
	class       string // tokenizer_class; "" if nothing says
	prefixSpace *bool
	eos         string
	chat        string
	added       map[string]Added // by text
}

// isGPT2 reports whether the class reads vocab.json and merges.txt as GPT-2 does.
func (c *config) isGPT2() bool {
	return c.class == "" || c.class == "GPT2Tokenizer" || c.class == "GPT2TokenizerFast"
}

// readConfig reads the files that say more about the tokenizer, where they are there.
// They hold a great many settings of other programs, so unknown ones are passed over.
func readConfig(fsys fs.FS) (*config, error) {
	c := &config{added: map[string]Added{}}
	for _, f := range []struct {
		name string
		read func([]byte) error
	}{
		{addedFile, c.readAddedTokens}, {specialFile, c.readSpecialMap}, {configFile, c.readTokenizerConfig},
		{chatFile, func(data []byte) error { c.chat = string(data); return nil }},
	} {
		data, err := readFile(fsys, f.name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && f.name != chatFile {
			err = strictJSON(data)
		} else if i := firstBadByte(data); err == nil && i >= 0 {
			err = fmt.Errorf("byte 0x%02x at offset %d is not UTF-8", data[i], i)
		}
		if err == nil {
			err = f.read(data)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return c, nil
}

// members returns the values of an object by name: no name twice, and names as they
// are written, which encoding/json would not insist on.
func members(raw []byte, what string) (map[string]json.RawMessage, error) {
	m := map[string]json.RawMessage{}
	d := json.NewDecoder(bytes.NewReader(raw))
	return m, object(d, what+", an object", func(name string) error {
		var v json.RawMessage
		err := d.Decode(&v)
		m[name] = v
		return err
	})
}

// optional reads the value of a name; an absent one, or null, leaves into as it is.
func optional(m map[string]json.RawMessage, name string, into any) error {
	raw, ok := m[name]
	if !ok {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%s is %.40q, which is no value for it", name, raw)
	}
	return nil
}

// readMarked reads a token in a configuration: a string, null, or an object with its content.
func readMarked(raw json.RawMessage, name string) (a Added, err error) {
	if len(raw) == 0 || raw[0] != '{' {
		err = optional(map[string]json.RawMessage{name: raw}, name, &a.Text)
		return a, err
	}
	m, err := members(raw, name)
	if err != nil {
		return a, err
	}
	var word, left, right bool
	for field, into := range map[string]any{
		"content": &a.Text, "special": &a.Special, "normalized": &a.normalized, "single_word": &word, "lstrip": &left, "rstrip": &right,
	} {
		if err := optional(m, field, into); err != nil {
			return a, fmt.Errorf("%s: %w", name, err)
		}
	}
	if word || left || right {
		err = fmt.Errorf("single_word, lstrip or rstrip of %s is true: that is not supported", name)
	}
	return a, err
}

func (c *config) readSpecialMap(data []byte) error {
	m, err := members(data, "the map of special tokens")
	if err != nil {
		return err
	}
	return c.readEOS(m)
}

// readEOS takes eos_token, if m has one.
func (c *config) readEOS(m map[string]json.RawMessage) error {
	raw, ok := m["eos_token"]
	if !ok {
		return nil
	}
	a, err := readMarked(raw, "eos_token")
	c.eos = cmp.Or(a.Text, c.eos)
	return err
}

// readAddedTokens reads added_tokens.json: texts with their ids.
func (c *config) readAddedTokens(data []byte) error {
	m, err := members(data, "the added tokens")
	if err != nil {
		return err
	}
	for text := range m {
		a := Added{Text: text, Special: true}
		if err := optional(m, text, &a.ID); err != nil {
			return err
		}
		c.added[text] = a
	}
	return nil
}

func (c *config) readTokenizerConfig(data []byte) error {
	m, err := members(data, "the configuration")
	if err != nil {
		return err
	}
	var bos, end bool
	for name, into := range map[string]any{
		"tokenizer_class": &c.class, "add_prefix_space": &c.prefixSpace, "add_bos_token": &bos, "add_eos_token": &end,
	} {
		if err := optional(m, name, into); err != nil {
			return err
		}
	}
	if bos || end {
		return fmt.Errorf("add_bos_token or add_eos_token is true: tokens around every text are not supported")
	}
	if err := c.readEOS(m); err != nil {
		return err
	}
	if raw, ok := m["added_tokens_decoder"]; ok {
		if err := c.readDecoder(raw); err != nil {
			return err
		}
	}
	c.chat, err = chatTemplate(m["chat_template"])
	return err
}

// readDecoder reads added_tokens_decoder: tokens by id.
func (c *config) readDecoder(raw json.RawMessage) error {
	m, err := members(raw, "added_tokens_decoder")
	if err != nil {
		return err
	}
	for key, raw := range m {
		id, err := strconv.ParseUint(key, 10, 31)
		if err != nil {
			return fmt.Errorf("added_tokens_decoder has a key %.40q: it must be an id", key)
		}
		a, err := readMarked(raw, "added token "+key)
		if err != nil {
			return err
		}
		a.ID = int32(id)
		c.added[a.Text] = a
	}
	return nil
}

// chatTemplate reads a template, or the one named default out of a list.
func chatTemplate(raw json.RawMessage) (string, error) {
	if len(raw) == 0 || raw[0] != '[' {
		var text string
		if len(raw) > 0 && json.Unmarshal(raw, &text) != nil {
			return "", fmt.Errorf("chat_template is neither a string nor a list")
		}
		return text, nil
	}
	var named []struct{ Name, Template string }
	if err := json.Unmarshal(raw, &named); err != nil {
		return "", fmt.Errorf("chat_template: %w", err)
	}
	for _, n := range named {
		if n.Name == "default" {
			return n.Template, nil
		}
	}
	return "", fmt.Errorf("chat_template is a list without one named default")
}

// addedTokens lists the added tokens for a vocabulary without a tokenizer.json:
// those of the configuration and <|endoftext|>, which GPT-2's vocabulary holds.
func (c *config) addedTokens(vocab map[string]int32) []Added {
	for _, text := range []string{endOfText, c.eos} {
		if _, known := c.added[text]; known || text == "" {
			continue
		}
		if id, in := vocab[text]; in {
			c.added[text] = Added{ID: id, Text: text, Special: true}
		}
	}
	return slices.SortedFunc(maps.Values(c.added), func(a, b Added) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Text, b.Text))
	})
}

// apply gives t what the configuration says about it.
func (c *config) apply(t *Tokenizer) error {
	if t.bpe == nil {
		return nil
	}
	t.bpe.chat = cmp.Or(c.chat, t.bpe.chat)
	if c.prefixSpace != nil && c.isGPT2() {
		t.bpe.prefixSpace = *c.prefixSpace
	}
	if c.eos == "" {
		return nil
	}
	id, ok := t.Special(c.eos)
	if !ok {
		return fmt.Errorf("eos_token %.40q is no added token of the vocabulary", c.eos)
	}
	t.bpe.eos = id
	return nil
}
