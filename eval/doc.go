// Package eval measures how well a network predicts: the loss, perplexity and bits
// per byte of texts, and the answers to multiple-choice questions by their likelihood.
//
// Numbers are the same whatever the number of threads, and whatever a sequence is
// computed beside.
package eval
