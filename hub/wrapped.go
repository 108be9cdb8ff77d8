package hub

import (
	"slices"
	"strings"
)

// wrappers are parts that training programs add to names: torch.compile, data parallelism
// (DataParallel, DDP, DeepSpeed), FSDP and activation checkpointing. No parameter
// has one of them in its own name.
var wrappers = []string{"_orig_mod", "module", "_forward_module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}

// unwrapped returns a tensor's name without the parts in wrappers, wherever they are.
func unwrapped(name string) string {
	parts := strings.Split(name, ".")
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return slices.Contains(wrappers, p) }), ".")
}

// adapterName returns the name of an adapter's tensor as PEFT's save_pretrained writes it.
// In the state dictionary of a model in training, names also contain "default", the name of
// the adapter.
func adapterName(name string) string {
	name = unwrapped(name)
	name = strings.Replace(name, ".lora_magnitude_vector.default.weight", ".lora_magnitude_vector", 1)
	for _, part := range []string{".lora_A", ".lora_B"} {
		name = strings.Replace(name, part+".default.", part+".", 1)
	}
	return strings.Replace(name, ".modules_to_save.default.", ".", 1)
}

// isUnmerged says whether a tensor is of a model of PEFT in which the adapter has not
// been merged into the base.
func isUnmerged(name string) bool {
	return strings.Contains(name, ".lora_") || strings.Contains(name, ".base_layer.") || strings.Contains(name, ".original_module.")
}
