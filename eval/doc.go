// Package eval measures how well a network predicts: the loss, perplexity and bits
// per byte of texts, and the answers to multiple-choice questions by their likelihood.
//
// The results do not depend on the number of threads, nor on the other sequences of a batch.
package eval
