// Package lesson says what is known of one equation, one identity, one planted bug, one
// erratum or one case, as a lecture would: the formula, what its symbols mean, where it is in
// the code, numbers, the derivation move by move, and what to do next.
//
//	es := lesson.Find("31.a")
//	l, err := lesson.Of(es[0])
//	fmt.Println(l.Formula[0]) // ∂L/∂w_q = aᵢ₋₁ᵗ Δ^raw k
//
// [Entries] is everything that can be explained, and [Find] takes what a person types: a
// number, a code in any case of letters, a range, a word. Nothing here is written twice: the
// formula is the registry's, the moves are those that package derive checks, the code is the
// source that was built, and the texts are those of the chapters.
//
// There is no input and no output, so that a terminal and a browser show the same lesson.
package lesson
