// Package safetensors reads and writes the file format of that name: a length, a JSON
// header, and the numbers of named tensors, little-endian and row-major.
//
// The reader is made for files from unknown sources. It refuses everything that the
// reference reader (huggingface/safetensors) refuses, and more: repeated keys, a header that
// does not begin with an opening brace, unknown fields, unpaired surrogates, more than 8
// dimensions. Every product of sizes is checked for overflow, and every size is compared
// with the size of the file before memory is allocated. The error is one line and names the
// rule that the file breaks.
//
//	f, err := safetensors.Read(file, size)
//	t, ok := f.Lookup("wte.weight")
//	err = safetensors.Decode(f, t, 0, dst) // F16, BF16, F32, F64 or integers, as float32 or float64
//
// [Write] writes F16, BF16, F32 and F64, rounding to nearest, ties to even.
package safetensors
