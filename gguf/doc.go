// Package gguf reads and writes GGUF, version 3: the files that llama.cpp runs.
//
// A file has pairs of a key and a value, the names, shapes and types of its tensors, and their
// numbers, each tensor at a multiple of the alignment. The reader reads the header only, and
// compares every count and size in it with the size of the file. A file that it accepts can
// be written again with the same bytes.
//
// Sources: docs/gguf.md and src/gguf.cpp of ggml; the package gguf 0.19 for Python, with which
// the tests compare.
package gguf
