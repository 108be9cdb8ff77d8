// Package gguf reads and writes GGUF, version 3: the files that llama.cpp runs.
//
// A file has pairs of a key and a value, the names, shapes and types of its tensors,
// and their numbers, each tensor at a multiple of the alignment. The reader takes the
// header only and believes nothing in it before it has compared it with the size of
// the file; what it accepts is written again as it was.
//
// Sources: docs/gguf.md and src/gguf.cpp of ggml; the package gguf 0.19 for Python,
// which the tests hold this against.
package gguf
