// Package generate lets a network write: it chooses token after token by the network's
// probabilities and keeps the keys and values of those before, for several texts at the
// same time.
//
// A [Writer] has one call for each purpose: Write goes on from a prompt, Answer answers
// a conversation, WriteAll writes many texts together. The same seed gives the same
// text, whatever else is written at the same time.
package generate
