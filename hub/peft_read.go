package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/internal/memory"
	"github.com/pedestrian-ml/pedestrian/safetensors"
	"github.com/pedestrian-ml/pedestrian/token"
)

// LoadAdapter reads an adapter of PEFT for base. A tensor of the file that is not used is
// an error. If the file repeats a weight of the base, the two must be equal. An adapter
// that SaveAdapter wrote is restored exactly. If the adapter has rows of tokens that base
// does not have, the configuration of its base, Adapter.Base, has that many tokens more.
func LoadAdapter(path string, base *pedestrian.Params[float32]) (*Adapter, error) {
	a, err := loadAdapter(path, base)
	if err != nil {
		return nil, fmt.Errorf("reading the adapter: %w", err)
	}
	return a, nil
}

func loadAdapter(path string, base *pedestrian.Params[float32]) (*Adapter, error) {
	f, err := openFolder(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c, err := f.peftConfig()
	if err != nil {
		return nil, err
	}
	if err := checkBase(base.Config); err != nil {
		return nil, err
	}
	file, size, err := f.open(adapterWeights)
	switch {
	case errors.Is(err, fs.ErrNotExist) && f.has(pickledAdapter):
		return nil, fmt.Errorf("%s has its weights in %s, which is a program as much as data and is not read: write them again with PEFT's save_pretrained", path, pickledAdapter)
	case err != nil:
		return nil, err
	}
	defer file.Close()
	r := &peftReader{base: base, family: familyOf(base.Config), config: c, unread: map[string]safetensors.Tensor{}}
	if r.file, err = safetensors.Read(file, size); err == nil {
		err = r.read()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(path, adapterWeights), err)
	}
	a := &Adapter{Adapter: r.adapter, BaseName: c.base, BaseSHA256: r.file.Metadata[metaBase], Notes: r.notes}
	if len(c.tokens) > 0 && f.hasTokenizer() {
		if a.Tokenizer, err = token.LoadFS(f); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if n := a.Tokenizer.Vocab(); n > a.Base.Vocab {
			return nil, fmt.Errorf("%s: its tokenizer has %d tokens, and base and adapter %d", path, n, a.Base.Vocab)
		}
	}
	if f.has(chatTemplate) {
		text, err := f.text(chatTemplate)
		if err != nil {
			return nil, err
		}
		a.Chat = string(text)
	}
	return a, nil
}

// peftConfig reads adapter_config.json.
func (f *folder) peftConfig() (c peftConfig, err error) {
	text, err := f.text(adapterConfig)
	if err != nil {
		return c, err
	}
	if c, err = parsePEFT(text); err != nil {
		return c, fmt.Errorf("%s: %w", filepath.Join(f.path, adapterConfig), err)
	}
	return c, nil
}

// A peftReader reads the tensors of a file and removes each from unread.
type peftReader struct {
	base    *pedestrian.Params[float32]
	family  *family
	config  peftConfig
	file    *safetensors.File
	unread  map[string]safetensors.Tensor // tensors not read yet, by name without base_model.model.
	names   map[string]bool               // the names of all tensors; set by plainName
	adapter *pedestrian.Adapter[float32]
	notes   []string
}

// plainName returns the name of a tensor without the parts that trainers add. If another
// tensor has that name, it returns the name unchanged.
func (r *peftReader) plainName(name string) string {
	plain := adapterName(name)
	if plain == name {
		return name
	}
	if r.names == nil {
		r.names = make(map[string]bool, len(r.file.Tensors))
		for _, t := range r.file.Tensors {
			r.names[t.Name] = true
		}
	}
	if r.names[plain] {
		return name
	}
	return plain
}

func (r *peftReader) read() error {
	for _, t := range r.file.Tensors {
		name, ok := strings.CutPrefix(r.plainName(t.Name), baseModel)
		if !ok {
			return fmt.Errorf("tensor %.80q does not begin with %q: not an adapter of PEFT", t.Name, baseModel)
		}
		if strings.HasPrefix(name, r.family.blocks+".") || strings.HasPrefix(name, r.family.named("lnFinal")[0].transformers+".") {
			name = r.family.prefix + name // the base was a model without a head
		}
		if _, ok := r.unread[name]; ok {
			return fmt.Errorf("tensor %.80q twice, with and without %q", t.Name, r.family.prefix)
		}
		r.unread[name] = t
	}
	all := modulesOf(r.base.Config)
	if err := r.config.check(r.family, all); err != nil {
		return err
	}
	var has []module
	for _, m := range all {
		_, down := r.unread[m.name+downSuffix]
		_, up := r.unread[m.name+upSuffix]
		if down != up {
			return fmt.Errorf("%s has one of lora_A and lora_B, and the other is missing", m.name)
		}
		if yes, known := r.config.adapted(m); known && yes != down {
			if yes {
				return fmt.Errorf("%s is adapted by %s and has no tensors", m.name, adapterConfig)
			}
			return fmt.Errorf("%s has tensors and is not adapted by %s", m.name, adapterConfig)
		}
		if down {
			has = append(has, m)
		}
	}
	network := vocabFor(r.base.Config, r.config.tokens)
	if network.Vocab-r.base.Config.Vocab > len(r.config.tokens) {
		return fmt.Errorf("trainable_token_indices of %s names token %d, and the base has %d: those between have no rows", adapterConfig, network.Vocab-1, r.base.Config.Vocab)
	}
	plain, err := r.config.config(network, has)
	if err != nil {
		return err
	}
	if err := r.askMemory(plain); err != nil {
		return err
	}
	r.adapter = pedestrian.NewAdapter[float32](network, plain)
	if err := r.rows(); err != nil {
		return err
	}
	for _, m := range has {
		if err := r.factors(m); err != nil {
			return err
		}
	}
	if err := r.biasesAndNorms(); err != nil {
		return err
	}
	for _, t := range r.file.Tensors { // report the first tensor that was not read
		name := strings.TrimPrefix(r.plainName(t.Name), baseModel)
		if left, ok := r.unread[name]; ok && left.Name == t.Name {
			return fmt.Errorf("tensor %.120q has no place in an adapter of %s", t.Name, adapterConfig)
		}
	}
	if was, ok := r.file.Metadata[metaAdapter]; ok {
		return r.restore(was)
	}
	return nil
}

// askMemory returns an error if an adapter with the configuration c has more numbers than the
// file can hold, or does not fit into the memory.
func (r *peftReader) askMemory(c pedestrian.AdapterConfig) error {
	count, has := int64(c.Ledger(r.base.Config).Total()), int64(0)
	for _, t := range r.file.Tensors {
		has += t.Bytes()
	}
	if count > has { // numbers in the file have at least two bytes, but one may serve several parameters
		return fmt.Errorf("an adapter of %s has %d numbers, and its tensors %d bytes", adapterConfig, count, has)
	}
	return memory.Ask(4*count, fmt.Sprintf("its %d numbers need", count), "take one of a lower rank")
}

// readTensor reads a tensor, checks its shape, and removes it from unread.
func (r *peftReader) readTensor(name string, shape ...int) ([]float32, error) {
	t, ok := r.unread[name]
	if !ok {
		return nil, fmt.Errorf("tensor %s%s is missing", baseModel, name)
	}
	if !slices.Equal(t.Shape, shape) {
		return nil, fmt.Errorf("tensor %s is %v, and %v by %s and the base", t.Name, t.Shape, shape, adapterConfig)
	}
	if !slices.Contains(floats, t.DType) {
		return nil, fmt.Errorf("tensor %s has numbers of type %s, and those of adapters are F64, F32, F16 or BF16", t.Name, t.DType)
	}
	v := make([]float32, t.Len())
	if err := safetensors.Decode(r.file, t, 0, v); err != nil {
		return nil, err
	}
	for _, x := range v {
		if x-x != 0 {
			return nil, fmt.Errorf("tensor %s holds %g: the adapter is broken", t.Name, x)
		}
	}
	delete(r.unread, name)
	return v, nil
}

// factors reads the factors of one layer. In PEFT down is r×input and up output×r.
func (r *peftReader) factors(m module) error {
	l := r.adapter.LoRA(max(m.block, 0), m.target)
	in, out, rank := l.Down.Rows, l.Up.Cols, l.Down.Cols
	down, err := r.readTensor(m.name+downSuffix, rank, in)
	if err != nil {
		return err
	}
	up, err := r.readTensor(m.name+upSuffix, out, rank)
	if err != nil {
		return err
	}
	transpose(l.Down.V, down, rank, in)
	transpose(l.Up.V, up, out, rank)
	if l.Magnitude.V != nil {
		magnitude, err := r.readTensor(m.name+doraSuffix, out)
		if err != nil {
			return err
		}
		copy(l.Magnitude.V, magnitude)
	}
	return nil
}

// restore gives the adapter the configuration that it had before it was written, which the
// text is. It adds a note if the numbers of adapter_config.json have been changed since.
func (r *peftReader) restore(text string) error {
	var was pedestrian.AdapterConfig
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(&was)
	if err == nil {
		err = was.ValidateFor(r.adapter.Base)
	}
	if err != nil {
		return fmt.Errorf("the metadata %q is not the shape of an adapter: %w", metaAdapter, err)
	}
	a, err := reshape(r.adapter, was)
	if err != nil {
		r.notes = append(r.notes, fmt.Sprintf("the metadata say that the adapter was written from another shape, and it is not any more (%v): read as it stands", err))
		return nil
	}
	r.adapter = a
	return nil
}
