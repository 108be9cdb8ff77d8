// Package live gives the studio networks that are trained: a run that was opened, and a small
// one that trains before the reader's eyes. What package studio does with the paper's equations
// in float64, this package does with the program that trains and writes in earnest: package
// train, package generate, and the engine in float32.
//
// It is apart from package studio because that one is what a page needs at once; this one is
// loaded when a screen asks for it.
package live
