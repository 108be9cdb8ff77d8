package hub

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
)

// biasesAndNorms reads biases and layer norms, and checks the weights of the base that the file
// repeats.
func (r *peftReader) biasesAndNorms() error {
	for _, s := range r.config.saved {
		if !r.family.isNorm(s) && s != headModule {
			return fmt.Errorf("modules_to_save has %.80q: layer norms are read, and a head that is the base's", s)
		}
	}
	for _, s := range slotsOf(r.base.Config) {
		if s.Layer == headLayer { // checkHead checks it
			continue
		}
		if err := r.weight(s); err != nil {
			return err
		}
	}
	return r.checkHead()
}

// weight reads the tensors of one parameter of the network into the adapter's own, if it
// has one in the base's place.
func (r *peftReader) weight(s slot) error {
	ours := viewOf(s, r.adapter.Tensor(s.Name)).contiguous() // a gain or a bias
	base := func() []float32 {
		w := viewOf(s, r.base.Tensor(s.Name))
		if w.exists() && s.transposed(true) {
			return w.transposed()
		}
		return w.contiguous()
	}
	at := strings.LastIndexByte(s.transformers, '.')
	module, kind := s.transformers[:at], s.transformers[at:]
	found := false
	for _, middle := range []string{"", ".base_layer", ".modules_to_save", ".original_module"} {
		name := s.family.prefix + module + middle + kind
		if _, ok := r.unread[name]; !ok {
			continue
		}
		v, err := r.readTensor(name, s.shape(s.transposed(true))...)
		if err != nil {
			return err
		}
		if ours != nil && !found && middle != ".original_module" {
			found = true
			copy(ours, v)
			continue
		}
		want := ours
		if !found || middle == ".original_module" {
			want = base()
		}
		if !same(v, want) {
			return fmt.Errorf("tensor %s%s differs from the base's, and is not trained by %s: an adapter for another base, or a kind of training that is not read", baseModel, name, adapterConfig)
		}
	}
	if ours == nil || found {
		return nil
	}
	copy(ours, base())
	if s.part != "" && r.config.bias == "lora_only" && !r.adapter.Config.Has(s.Block, s.part) {
		return nil // PEFT trains the biases of adapted layers alone
	}
	saved := slices.ContainsFunc(r.config.saved, func(n string) bool { return strings.HasSuffix(module, n) })
	if norm := s.family.isNorm(module); saved || !norm || r.config.bias == "all" && s.Role == pedestrian.Bias {
		return fmt.Errorf("tensor %s%s%s is missing, and %s says that it was trained", baseModel, s.family.prefix, s.transformers, adapterConfig)
	}
	return nil
}

// checkHead checks the head, which PEFT writes if it is adapted, against that of the base.
func (r *peftReader) checkHead() error {
	c := r.base.Config
	for _, name := range []string{lmHead, headModule + ".base_layer.weight", headModule + ".modules_to_save.weight", headModule + ".original_module.weight"} {
		if _, ok := r.unread[name]; !ok {
			continue
		}
		v, err := r.readTensor(name, c.Vocab, c.Width)
		if err != nil {
			return err
		}
		want := r.base.Tok.Widened()
		if !c.Tied {
			want = transposed(r.base.Logits.W)
		}
		if !same(v, want) {
			return fmt.Errorf("tensor %s%s is another head than the base's: a head that was trained as a whole is not read; adapt it with LoRA", baseModel, name)
		}
	}
	return nil
}

// same says whether v equals the parameter of the base. A bias that the base does not have
// counts as zeros.
func same(v, base []float32) bool {
	if base == nil {
		return !slices.ContainsFunc(v, func(x float32) bool { return x != 0 })
	}
	return slices.Equal(v, base)
}
