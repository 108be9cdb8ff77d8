// Package studio is what a page can ask about both passes of a small GPT: every value and every
// error of the paper's tables, with its number, its equation, its check and its code; what one
// cell is made of; what changes when a number is changed. It computes with package paper, and
// knows nothing of pages, sockets or browsers, so that the same code answers behind a server
// and in a web worker.
//
//	var core studio.Core
//	response := core.Handle([]byte(`{"op":"trace","state":{"model":"lesson"},"want":["b0.h1.rho"]}`))
//
// A request carries a [State], which is what stands in the page's URL; nothing is kept between
// requests but a bounded cache. What is answered depends on the request alone. A response is a
// header in JSON and, behind it, numbers as float64, see [Decode].
package studio
