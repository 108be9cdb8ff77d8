// Package pedestrian says what a GPT is: its configuration, its parameters and
// its adapters, as data without arithmetic.
//
// The same transformer is written three times in the packages below, each rung
// proving the one beneath it: equations (package paper), loops (package engine)
// and vectors (internal/kernel). There is no automatic differentiation anywhere:
// every backward pass is derived by hand, after Laurent Boué, "Deep learning for
// pedestrians: backpropagation in Transformers" (arXiv 2512.23329), whose
// equation numbers the code cites.
package pedestrian
