// Package derive understands a gradient that a learner has typed. It has a small strict
// language for matrix expressions in the form of the paper, in ASCII, and says of an answer
// whether it is right, why, and where it went wrong.
//
//	x := derive.FindExercise("w_q")
//	v := x.Grade("a_prev' @ D_raw @ q")
//	fmt.Println(v.Column, v.Message) // 19 k belongs in the place of q.
//
// Truth is not a formula: it is the gradient by differences of the forward pass, at five
// random instances in float64, so that every right form is accepted. An answer that is
// wrong is taken apart: is it a known misconception, a multiple of the truth, one symbol in
// the place of another, one edit away?
//
// An [Expr] is parsed by [Parse] and has a [Type] in a scope of names. A vector has an
// orientation, one number a token or one a feature; nothing is broadcast in silence. A
// [World] is a program in the same language: names, their shapes, and the equations of the
// registry paper.Equations that define them. An [Exercise] asks for the gradient of the
// loss of a world with respect to one of its names. A [Derivation] is lines that are
// equal, with differentials d(·) in them.
//
// Everything is deterministic and does no input or output. What is typed by a stranger is
// bounded: its length, its nodes, the numbers in a matrix, and the work of a verdict.
package derive
