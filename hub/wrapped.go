package hub

import (
	"slices"
	"strings"
)

// wrappers are parts of names that trainers leave: torch.compile, data parallelism
// (DataParallel, DDP, DeepSpeed), FSDP, checkpointing of activations. No parameter of
// GPT-2 has one.
var wrappers = []string{"_orig_mod", "module", "_forward_module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}

// unwrapped is a tensor's name without the parts that wrappers leave, wherever they
// stand in it.
func unwrapped(name string) string {
	parts := strings.Split(name, ".")
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return slices.Contains(wrappers, p) }), ".")
}

// bareName is the name of a tensor of a model without the prefix.
func bareName(name string) string {
	return strings.TrimPrefix(strings.TrimPrefix(unwrapped(name), baseModel), prefix)
}

// adapterName is the name of a tensor of an adapter as PEFT's save_pretrained writes
// it: a state dictionary of a model in training names the adapter, "default", in each.
func adapterName(name string) string {
	name = unwrapped(name)
	name = strings.Replace(name, ".lora_magnitude_vector.default.weight", ".lora_magnitude_vector", 1)
	for _, part := range []string{".lora_A", ".lora_B"} {
		name = strings.Replace(name, part+".default.", part+".", 1)
	}
	return strings.Replace(name, ".modules_to_save.default.", ".", 1)
}

// besideAdapter says whether a tensor is of a model of PEFT whose adapter stands
// beside its base.
func besideAdapter(name string) bool {
	return strings.Contains(name, ".lora_") || strings.Contains(name, ".base_layer.") || strings.Contains(name, ".original_module.")
}
