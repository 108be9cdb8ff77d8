// Package paper is the equations: a GPT in float64, one sequence at a time, with
// the symbols and the equation numbers of Laurent Boué, "Deep learning for
// pedestrians: backpropagation in Transformers" (arXiv 2512.23329), one line an
// equation. It allocates freely and is as slow as that makes it; package engine
// computes the same in loops and is held against it.
//
// A layer is a function that returns its output and its own pullback, so that the
// forward and the backward pass share one scope and its names:
//
//	a, back := LayerNorm(tr, aPrev, w, b, ε) // a_i from a_{i-1}
//	ΔPrev, dw, db := back(Δ)                 // from Δ_i to Δ_{i-1}, ∂L/∂w, ∂L/∂b
//
// Rows are tokens, columns are features. Weights are input×output. An error signal
// has the shape of the quantity whose gradient it is. Nothing is broadcast in
// silence: [Rows] and [Cols] are the paper's tilde.
//
// Every numbered left-hand side passes through a [Trace], which records it or, on
// request, puts another value in its place; [Signals] says which forward quantity
// each error signal is the gradient of. [Network] is tables 2 and 3; [Llama] is a
// network of the Llama family, whose equations have numbers of ours. [Equations] is
// the registry: what each equation says, where it is computed, which test holds
// it, and where it is derived.
//
// Misuse by code, shapes that do not fit or tokens outside of a table, panics with
// the function's name and what it was given.
package paper
