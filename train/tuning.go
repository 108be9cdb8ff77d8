package train

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian"
)

// Tuning says how a run goes on from a base. The zero value is a run that begins with
// random weights.
type Tuning struct {
	Base string `json:"base"` // as it was asked for: a path or a name

	// Full trains all parameters of the base; nothing below counts then.
	Full bool `json:"full,omitempty"`

	Adapter  pedestrian.AdapterConfig `json:"adapter,omitzero"`
	LoRAPlus float64                  `json:"lora_plus,omitempty"` // u learns this many times as fast as d; 0 = as fast
}

// adapts says whether an adapter is trained.
func (t Tuning) adapts() bool { return t.Base != "" && !t.Full }

// validate reports the first thing wrong with t.
func (t Tuning) validate() error {
	if !t.adapts() {
		return nil
	}
	if !(t.LoRAPlus == 0 || t.LoRAPlus >= 1e-3 && t.LoRAPlus <= 1e6) {
		return fmt.Errorf("lora_plus is %g: it must be between 0.001 and 1e6, such as 16, or 0 for one rate", t.LoRAPlus)
	}
	return t.Adapter.Validate()
}
