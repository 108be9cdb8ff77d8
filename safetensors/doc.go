// Package safetensors reads and writes the file format of that name: a length, a
// JSON header, and the numbers of named tensors, little-endian and row-major.
//
// The reader takes files from strangers. It refuses whatever the reference reader
// (huggingface/safetensors) refuses, and what that one leaves to chance: a key that
// occurs twice, a header that does not begin with an opening brace, an unknown field,
// half of a surrogate pair, more than 8 dimensions. Every product of sizes is checked
// for overflow and every size is compared with the file before memory is asked for. A
// refusal is an [Error] of one line, and its [Reason] says which rule was broken.
//
//	f, err := safetensors.Read(file, size)
//	t, ok := f.Lookup("wte.weight")
//	err = safetensors.Decode(f, t, 0, dst) // F16, BF16, F32, F64 or integers, as float32 or float64
//
// [Write] writes F16, BF16, F32 and F64, rounding to nearest, ties to even.
package safetensors
