package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
)

// PEFT stores the rows of single tokens under a name of the embedding, and, if the head is
// another matrix, its rows under a name of the head. The tensors hold the trained rows
// themselves, although "delta" is in their names.
const (
	rowsSuffix = ".token_adapter.trainable_tokens_delta"
	headRows   = headModule + rowsSuffix
)

// tokRows is the name of the tensor with the rows of the embedding.
func (f *family) tokRows() string { return f.full(f.embedding()) + rowsSuffix }

// trainedTokens reads trainable_token_indices: a list of tokens of the embedding, or lists
// by names of modules, which must have the same tokens. It returns the name of the
// embedding, if there is one, and whether the rows of the head are trained, too.
func trainedTokens(o object) (ids []int32, embedding string, head bool, err error) {
	const key = "trainable_token_indices"
	if o.null(key) {
		return nil, "", false, nil
	}
	modules := map[string][]int32{}
	if err := json.Unmarshal(o[key], &ids); err != nil {
		if err := json.Unmarshal(o[key], &modules); err != nil {
			return nil, "", false, fmt.Errorf("%s is %s: it must be a list of tokens, or lists by the names of modules", key, o.show(key))
		}
		for _, name := range slices.Sorted(maps.Keys(modules)) {
			switch {
			case name == headModule:
			case embedding == "" && (name == gpt2.embedding() || name == llama.embedding()):
				embedding = name
			default:
				return nil, "", false, fmt.Errorf("%s names %.40q: tokens of %s or %s, and of %s are read", key, name, gpt2.embedding(), llama.embedding(), headModule)
			}
		}
		ids, head = modules[embedding], len(modules[headModule]) > 0
		if head && !slices.Equal(modules[headModule], ids) {
			return nil, "", false, fmt.Errorf("%s has other tokens for %s than for %s: the same are read", key, embedding, headModule)
		}
	}
	for i, id := range ids {
		if id < 0 || slices.Contains(ids[:i], id) {
			return nil, "", false, fmt.Errorf("%s is %s: a token is not negative, and named once", key, o.show(key))
		}
	}
	return ids, embedding, head, nil
}

// rows reads the rows of single tokens. In the file they are in the order of the
// configuration; the adapter has them in ascending order of the tokens.
func (r *peftReader) rows() error {
	ids, width := r.config.tokens, r.base.Config.Width
	if len(ids) == 0 {
		return nil
	}
	read := func(name string, to []float32) error {
		v, err := r.readTensor(name, len(ids), width)
		if err != nil {
			return err
		}
		for i, id := range ids {
			k, _ := slices.BinarySearch(r.adapter.Config.Tokens, id)
			copy(to[k*width:][:width], v[i*width:])
		}
		return nil
	}
	if err := read(r.family.tokRows(), r.adapter.TokRows.V); err != nil {
		return err
	}
	if err := r.checkTables(); err != nil {
		return err
	}
	switch {
	case r.base.Config.Tied:
		delete(r.unread, headRows) // PEFT trains one matrix and writes its rows twice
		return nil
	case r.config.headTokens:
		return read(headRows, r.adapter.LogitsRows.V)
	}
	return errors.New("trainable_token_indices trains rows of the embedding alone, and the base has a head of its own: that is read where the head's are trained, too")
}

// checkTables checks the whole embedding and head, which PEFT writes if they were resized. Except
// for rows that the adapter trains, they must be those of the base.
func (r *peftReader) checkTables() error {
	c := r.base.Config
	network := r.adapter.Base
	for _, at := range []string{r.family.full(r.family.embedding()), headModule} {
		name := at + ".token_adapter.base_layer.weight"
		if _, ok := r.unread[name]; !ok {
			continue
		}
		v, err := r.readTensor(name, network.Vocab, c.Width)
		if err != nil {
			return err
		}
		want := r.base.Tok.Widened()
		if at == headModule && !c.Tied {
			want = transposed(r.base.Logits.W)
		}
		for id := range network.Vocab {
			_, trained := slices.BinarySearch(r.adapter.Config.Tokens, int32(id))
			if !trained && (id >= c.Vocab || !slices.Equal(v[id*c.Width:][:c.Width], want[id*c.Width:][:c.Width])) {
				return fmt.Errorf("tensor %s%s has a row for token %d that is not the base's, and is not trained by %s", baseModel, name, id, adapterConfig)
			}
		}
	}
	return nil
}

// rowEntries calls add with the tensors of the rows of single tokens.
func rowEntries(a *pedestrian.Adapter[float32], add func(name string, data []float32, shape ...int)) {
	n := len(a.Config.Tokens)
	if n == 0 {
		return
	}
	add(familyOf(a.Base).tokRows(), a.TokRows.V, n, a.Base.Width)
	if a.LogitsRows.V != nil {
		add(headRows, a.LogitsRows.V, n, a.Base.Width)
	}
}

// tokenIndices returns the value of trainable_token_indices, nil if the adapter has no rows.
func tokenIndices(a *pedestrian.Adapter[float32]) any {
	ids := a.Config.Tokens
	switch {
	case len(ids) == 0:
		return nil
	case a.Base.Tied:
		return ids
	}
	return map[string][]int32{familyOf(a.Base).embedding(): ids, headModule: ids}
}

// vocabFor returns c with a vocabulary that is large enough for the tokens.
func vocabFor(c pedestrian.Config, tokens []int32) pedestrian.Config {
	for _, id := range tokens {
		c.Vocab = max(c.Vocab, int(id)+1)
	}
	return c
}
