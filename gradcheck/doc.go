// Package gradcheck checks gradients. It compares the gradient of every parameter of table 3
// of the paper, and every error signal of its tables 1 and 2, and the same of networks of
// the Llama family (L1 to L25), with
//
//   - central differences of the loss in float64, entry by entry and along random directions (the function is the forward pass of package paper);
//   - package engine in float64, which computes the same by other loops;
//   - package engine in float32, the precision of training, and at bf16 against paper.Mixed, which rounds the same operands (Options.BF16);
//
// at generic points: no gain is one, no bias is zero, some tokens repeat and some do not
// occur. It also evaluates identities that the gradients must satisfy. A checker that
// accepts everything is worth nothing: so known bugs are planted one at a time ([Mutants]),
// and each must be caught.
//
//	r, err := gradcheck.Run(ctx, gradcheck.Paper(), gradcheck.Options{})
//	fmt.Println(r.Pass, r.Checked, "of", r.Total)
//
// A [Report] is data: cmd/pedestrian prints it, and it can be written as JSON.
package gradcheck
