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

// A config is the configuration beside a vocabulary in a directory of Hugging Face.
type config struct {
	class       string // tokenizer_class; "" if missing
	prefixSpace *bool
	addBOS      *bool // beginning of text before every text
	addEOS      *bool // end of text after every text
	eos         string
	chat        string
	added       map[string]Added // tokens with ids, by text
	named       map[string]Added // bos_token and others, by name
	extra       []Added          // special tokens without a name
}

// specialNames are the names of special tokens in a configuration.
var specialNames = []string{"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}

// isGPT2 reports whether the class reads vocab.json and merges.txt as GPT-2 does.
func (c *config) isGPT2() bool {
	return c.class == "" || c.class == "GPT2Tokenizer" || c.class == "GPT2TokenizerFast"
}

// readConfig reads the configuration files that exist. They contain many settings of other
// programs; unknown settings are ignored.
func readConfig(fsys fs.FS) (*config, error) {
	c := &config{added: map[string]Added{}, named: map[string]Added{}}
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

// jsonObject reads an object: its values by name. Unlike encoding/json it refuses repeated
// names and distinguishes upper and lower case.
func jsonObject(raw []byte, what string) (map[string]json.RawMessage, error) {
	m := map[string]json.RawMessage{}
	d := json.NewDecoder(bytes.NewReader(raw))
	return m, object(d, what+", an object", func(name string) error {
		var v json.RawMessage
		err := d.Decode(&v)
		m[name] = v
		return err
	})
}

// A jsonField is the name of a field and the destination of its value.
type jsonField struct {
	name string
	into any
}

// readOptional reads the value of name into into. If it is missing or null, into is not
// changed.
func readOptional(m map[string]json.RawMessage, name string, into any) error {
	raw, ok := m[name]
	if !ok {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%s is %.40q, which is no value for it", name, raw)
	}
	return nil
}

// readSpecialToken reads a token of a configuration: a string, null, or an object with its
// content.
func readSpecialToken(raw json.RawMessage, name string) (a Added, err error) {
	if len(raw) == 0 || raw[0] != '{' {
		err = readOptional(map[string]json.RawMessage{name: raw}, name, &a.Text)
		return a, err
	}
	m, err := jsonObject(raw, name)
	if err != nil {
		return a, err
	}
	for _, f := range []jsonField{
		{"content", &a.Text}, {"special", &a.Special}, {"normalized", &a.normalized}, {"single_word", &a.singleWord}, {"lstrip", &a.lstrip}, {"rstrip", &a.rstrip},
	} {
		if err := readOptional(m, f.name, f.into); err != nil {
			return a, fmt.Errorf("%s: %w", name, err)
		}
	}
	return a, nil
}

func (c *config) readSpecialMap(data []byte) error {
	m, err := jsonObject(data, "the map of special tokens")
	if err != nil {
		return err
	}
	return c.readSpecials(m)
}

// readSpecials reads the special tokens in m, with and without a name.
func (c *config) readSpecials(m map[string]json.RawMessage) error {
	for _, name := range specialNames {
		raw, ok := m[name]
		if !ok {
			continue
		}
		a, err := readSpecialToken(raw, name)
		if err != nil {
			return err
		}
		if a.Special = true; a.Text != "" {
			c.named[name] = a
		}
	}
	c.eos = c.named["eos_token"].Text
	for _, name := range []string{"additional_special_tokens", "extra_special_tokens"} {
		if err := c.readExtra(m[name], name); err != nil {
			return err
		}
	}
	return nil
}

// readExtra reads a list of special tokens, or an object by name, which version 5 of
// transformers writes for some.
func (c *config) readExtra(raw json.RawMessage, name string) error {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var list []json.RawMessage
	if raw[0] == '{' {
		m, err := jsonObject(raw, name)
		if err != nil {
			return err
		}
		for _, key := range slices.Sorted(maps.Keys(m)) {
			list = append(list, m[key])
		}
	} else if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("%s is %.40q: it must be a list of tokens", name, raw)
	}
	for _, raw := range list {
		a, err := readSpecialToken(raw, "a token of "+name)
		if err != nil {
			return err
		}
		if a.Special = true; a.Text != "" {
			c.extra = append(c.extra, a)
		}
	}
	return nil
}

// readAddedTokens reads added_tokens.json: texts with their ids.
func (c *config) readAddedTokens(data []byte) error {
	m, err := jsonObject(data, "the added tokens")
	if err != nil {
		return err
	}
	for text := range m {
		a := Added{Text: text, Special: true}
		if err := readOptional(m, text, &a.ID); err != nil {
			return err
		}
		c.added[text] = a
	}
	return nil
}

func (c *config) readTokenizerConfig(data []byte) error {
	m, err := jsonObject(data, "the configuration")
	if err != nil {
		return err
	}
	for _, f := range []jsonField{
		{"tokenizer_class", &c.class}, {"add_prefix_space", &c.prefixSpace}, {"add_bos_token", &c.addBOS}, {"add_eos_token", &c.addEOS},
	} {
		if err := readOptional(m, f.name, f.into); err != nil {
			return err
		}
	}
	if err := c.readSpecials(m); err != nil {
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
	m, err := jsonObject(raw, "added_tokens_decoder")
	if err != nil {
		return err
	}
	for key, raw := range m {
		id, err := strconv.ParseUint(key, 10, 31)
		if err != nil {
			return fmt.Errorf("added_tokens_decoder has a key %.40q: it must be an id", key)
		}
		a, err := readSpecialToken(raw, "added token "+key)
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

// addTokens adds the tokens of the configuration to h in the order of transformers: first
// tokens with an id, sorted by id; then tokens with a name; then the others. A token of the
// last group that is not in the vocabulary gets the next free id. A token with a name does
// not: the network was trained without it and has no row for it. A text that is a byte or
// made by a merge stays an ordinary token.
func (c *config) addTokens(h *huggingFace) {
	next := int32(len(h.names))
	at := map[string]int{}
	for i, a := range h.added {
		at[a.Text] = i
		if _, in := h.vocab[a.Text]; !in {
			next++
		}
	}
	put := func(a Added) {
		if i, known := at[a.Text]; known {
			h.added[i].Special = h.added[i].Special || a.Special
			return
		}
		at[a.Text] = len(h.added)
		h.added = append(h.added, a)
	}
	for _, a := range slices.SortedFunc(maps.Values(c.added), func(a, b Added) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Text, b.Text))
	}) {
		if _, known := at[a.Text]; !known && a.ID == next {
			next++
		}
		put(a)
	}
	words := h.words()
	for _, name := range specialNames {
		a := c.named[name]
		_, known := at[a.Text]
		if id, in := h.vocab[a.Text]; known || in && !words[a.Text] {
			a.ID = id
			put(a)
		}
	}
	for _, a := range c.extra {
		id, in := h.vocab[a.Text]
		if _, known := at[a.Text]; !known && words[a.Text] {
			continue
		} else if a.ID = id; !known && !in {
			a.ID = next
			next++
		}
		put(a)
	}
}

// apply sets in t what the configuration says of the chat template, the prefix space, the
// end and the beginning of text, and the tokens around a text: where it says anything of
// these, the tokenizer.json does not.
func (c *config) apply(t *Tokenizer) error {
	t.chat = cmp.Or(c.chat, t.chat)
	if t.bpe == nil {
		return nil
	}
	if c.prefixSpace != nil && c.isGPT2() && t.bpe.pieces == nil && (t.bpe.split == SplitGPT2 || t.bpe.split == SplitNone) {
		t.bpe.prefixSpace = *c.prefixSpace
	}
	if id, ok := t.Special(c.eos); ok {
		t.eos = id
	} else if c.eos != "" {
		return fmt.Errorf("eos_token %.40q is no added token of the vocabulary", c.eos)
	}
	if id, ok := t.Special(c.named["bos_token"].Text); ok {
		t.bos = t.WithBOS(id).bos
	}
	if c.addBOS == nil && c.addEOS == nil {
		return nil
	}
	t.bpe.before, t.bpe.after = nil, nil
	if id, ok := t.Special(c.named["bos_token"].Text); ok && c.addBOS != nil && *c.addBOS {
		t.bpe.before = []int32{id}
	}
	if id, ok := t.Special(c.eos); ok && c.addEOS != nil && *c.addEOS {
		t.bpe.after = []int32{id}
	}
	return nil
}
