package pedestrian_test

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian"
)

// The paper's own check: one block, two heads, 32 features.
func ExampleConfig_Ledger() {
	c := pedestrian.Config{Vocab: 10, Context: 4, Width: 32, Heads: 2, Blocks: 1, Activation: pedestrian.ReLU, Bias: true, LogitsBias: true}
	for _, t := range c.Ledger() {
		fmt.Printf("%-20s %-15s %6d\n", t.Name, t.Formula, t.Total())
	}
	fmt.Println("in all", c.Ledger().Total(), "of which cannot learn", c.KeyBiasesWithoutGradient())
	// Output:
	// token embedding      n_vocab·d          320
	// position embedding   n_context·d        128
	// 1st layer norm       2d                  64
	// queries              d·d + d           1056
	// keys                 d·d + d           1056
	// values               d·d + d           1056
	// FC_attProj           d·d + d           1056
	// 2nd layer norm       2d                  64
	// FC_expand            d·4d + 4d         4224
	// FC_contract          4d·d + d          4128
	// final layer norm     2d                  64
	// FC_logits            d·n_vocab + n_vocab    330
	// in all 13546 of which cannot learn 32
}
