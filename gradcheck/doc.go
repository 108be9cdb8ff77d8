// Package gradcheck trusts no gradient. It holds every parameter of table 3 of
// the paper and every error signal of its tables 1 and 2 against
//
//   - central differences of the loss in float64, entry by entry and along random
//     directions (package paper's own forward pass is the function);
//   - package engine in float64, which computes the same by other loops;
//   - package engine in float32, the precision that trains, and at bf16 against
//     paper.Mixed, which rounds the same operands (Options.BF16);
//
// at generic points: no gain is one, no bias is zero, tokens repeat and are absent.
// Identities that the gradients must obey are evaluated beside them. And because
// a checker that passes everything is worth nothing, known bugs are planted one
// at a time ([Mutants]) and each must be caught.
//
//	r, err := gradcheck.Run(ctx, gradcheck.Paper(), gradcheck.Options{})
//	fmt.Println(r.Pass, r.Checked, "of", r.Total)
//
// A [Report] is data: cmd/pedestrian prints it, JSON carries it elsewhere.
package gradcheck
