package hub

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/safetensors"
)

// floats are the types that weights have.
var floats = []safetensors.DType{safetensors.F64, safetensors.F32, safetensors.F16, safetensors.BF16}

// match finds the tensor of each parameter and checks its shape and type. It sets Ours, or
// Note for a tensor that is not a parameter.
func (d *Directory) match() error {
	n, f := d.Network, familyOf(d.Network)
	if n.Blocks > len(d.Tensors) {
		return fmt.Errorf("%s: %s is %d, and the weights have %d tensors in all", filepath.Join(d.Path, configFile), f.sizes, n.Blocks, len(d.Tensors))
	}
	bare := make(map[string]int, len(d.Tensors)) // without the prefix
	for i, t := range d.Tensors {
		name := f.bare(t.Name)
		if j, ok := bare[name]; ok {
			return fmt.Errorf("%s: both %q and %q: one of them is left over", filepath.Join(d.Path, t.File), d.Tensors[j].Name, t.Name)
		}
		bare[name] = i
	}
	slots := slotsOf(n)
	if _, ok := bare[lmHead]; ok && n.Tied { // the file repeats the token embedding
		head := slots[0]
		head.transformers = lmHead
		slots = append(slots, head)
	}
	d.place = make(map[string]int, len(slots))
	for _, s := range slots {
		i, ok := bare[s.transformers]
		if !ok {
			return fmt.Errorf("%s: tensor %s is missing%s", d.Path, s.transformers, f.otherNames(bare, slots))
		}
		t := &d.Tensors[i]
		if want := s.shape(s.transposed(true)); !slices.Equal(t.Shape, want) {
			return fmt.Errorf("%s: tensor %s is %v, and %v by %s", filepath.Join(d.Path, t.File), t.Name, t.Shape, want, configFile)
		}
		if !slices.Contains(floats, t.DType) {
			return fmt.Errorf("%s: tensor %s has numbers of type %s, and those of weights are F64, F32, F16 or BF16", filepath.Join(d.Path, t.File), t.Name, t.DType)
		}
		t.Ours = s.ours()
		d.place[s.transformers] = i
		delete(bare, s.transformers)
	}
	var unknown []string
	for name, i := range bare {
		t := &d.Tensors[i]
		switch {
		case f.buffer(name):
			t.Note = f.bufferNote
		case strings.HasPrefix(name, "multiple_choice_head."):
			t.Note = "a second head, which the prediction of text does not use"
		default:
			t.Note = "unknown"
			unknown = append(unknown, t.Name)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		if i := slices.IndexFunc(unknown, isUnmerged); i >= 0 {
			return fmt.Errorf("%s: tensor %.80q is of a model of PEFT whose adapter stands beside its base: merge them first (merge_and_unload), or give base and adapter apart", d.Path, unknown[i])
		}
		return fmt.Errorf("%s: %d tensors are not of a %s with %d blocks, the first is %.80q", d.Path, len(unknown), f.title, n.Blocks, unknown[0])
	}
	return nil
}

// otherNames describes, for the message about a missing tensor, the tensors that have the name
// of no parameter.
func (f *family) otherNames(bare map[string]int, slots []slot) string {
	own := make(map[string]bool, len(slots))
	for _, s := range slots {
		own[s.transformers] = true
	}
	var others []string
	for name := range bare {
		if !own[name] && !f.buffer(name) {
			others = append(others, name)
		}
	}
	slices.Sort(others)
	switch {
	case len(others) == 0:
		return ""
	case slices.ContainsFunc(others, isUnmerged):
		return ": there are those of a model of PEFT whose adapter stands beside its base, such as " + quoted(others[slices.IndexFunc(others, isUnmerged)]) + ": merge them first (merge_and_unload), or give base and adapter apart"
	}
	return fmt.Sprintf(": %d tensors have names that are not %s's, the first is %s", len(others), f.title, quoted(others[0]))
}

// quoted returns name in quotes, shortened.
func quoted(name string) string { return fmt.Sprintf("%.80q", name) }
