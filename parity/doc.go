// Package parity holds the loops of package engine against the equations of package paper.
// Package gradcheck shows that the equations are right; here the engine must compute the
// same: in float64, in float32, the precision of training, and at bf16 against paper.Mixed,
// which rounds the same operands.
//
//	r, err := parity.Run(ctx, gradcheck.Paper(), parity.Options{})
//	fmt.Println(r.Pass, r.LossEngine64.Error)
//
// The report is gradcheck's, with what the engine adds to it filled in.
package parity
