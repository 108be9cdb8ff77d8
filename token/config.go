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
	added       map[string]Added // with their ids, by text
	named       map[string]Added // bos_token and its like, by name
	extra       []Added          // special tokens without a name
}

// specialNames are the special tokens that a configuration gives a name.
var specialNames = []string{"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}

// isGPT2 reports whether the class reads vocab.json and merges.txt as GPT-2 does.
func (c *config) isGPT2() bool {
	return c.class == "" || c.class == "GPT2Tokenizer" || c.class == "GPT2TokenizerFast"
}

// readConfig reads the files that say more about the tokenizer, where they are there.
// They hold a great many settings of other programs, so unknown ones are passed over.
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

// A member is a field of an object, and where its value goes.
type member struct {
	name string
	into any
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
	for _, f := range []member{
		{"content", &a.Text}, {"special", &a.Special}, {"normalized", &a.normalized}, {"single_word", &word}, {"lstrip", &left}, {"rstrip", &right},
	} {
		if err := optional(m, f.name, f.into); err != nil {
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
	return c.readSpecials(m)
}

// readSpecials takes the special tokens that m declares: by name, and the others.
func (c *config) readSpecials(m map[string]json.RawMessage) error {
	for _, name := range specialNames {
		raw, ok := m[name]
		if !ok {
			continue
		}
		a, err := readMarked(raw, name)
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

// readExtra reads a list of special tokens, or, as version 5 of transformers writes
// some, an object of them by name.
func (c *config) readExtra(raw json.RawMessage, name string) error {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var list []json.RawMessage
	if raw[0] == '{' {
		m, err := members(raw, name)
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
		a, err := readMarked(raw, "a token of "+name)
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
	for _, f := range []member{
		{"tokenizer_class", &c.class}, {"add_prefix_space", &c.prefixSpace}, {"add_bos_token", &bos}, {"add_eos_token", &end},
	} {
		if err := optional(m, f.name, f.into); err != nil {
			return err
		}
	}
	if bos || end {
		return fmt.Errorf("add_bos_token or add_eos_token is true: tokens around every text are not supported")
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

// declare adds the tokens of the configuration to those of h, as transformers does:
// first those with an id, in the order of their ids, then those with a name, then the
// others. Of these one that the vocabulary lacks gets the next id that is free; one
// with a name does not, because a network that was never given it has no row for it.
// What is a word of the vocabulary anyway, made of bytes or by a merge, stays one.
func (c *config) declare(h *huggingFace) {
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

// apply gives t what the configuration says about it.
func (c *config) apply(t *Tokenizer) error {
	t.chat = cmp.Or(c.chat, t.chat)
	if t.bpe == nil {
		return nil
	}
	if c.prefixSpace != nil && c.isGPT2() {
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
	return nil
}
