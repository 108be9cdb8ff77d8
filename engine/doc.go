// Package engine is the middle rung: the network of package paper as loops.
//
// It computes the same equations under the same file names, generic over float32
// (to train) and float64 (to check), for B sequences of T tokens at once, whose
// B·T tokens are the rows of every matrix. Results come first among the
// arguments, gradients are added to what is there, what a backward pass needs
// from its forward pass lies in a cache that the caller sees, and after the first
// step nothing is allocated.
//
// Work is split into parts that depend on the shapes alone, never on the number
// of threads, so that the same seed gives the same bits on any machine of one
// kind. A [Network], its pool and its decoders belong to one goroutine at a time.
//
// Numbers in parentheses are equations of the paper; "T2" and "T3" are its
// tables 2 (forward and errors) and 3 (parameter gradients).
package engine
