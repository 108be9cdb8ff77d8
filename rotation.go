package pedestrian

import (
	"fmt"
	"math"
)

// RotationScaling names how the frequencies of rotary positions are lowered, so that a
// network reads longer texts than those that it was trained on. "" leaves them as they are.
type RotationScaling string

const (
	LinearScaling RotationScaling = "linear" // all divided by Factor (L7.b)
	Llama3Scaling RotationScaling = "llama3" // those of slow pairs divided by Factor (L7.c); needs Low, High and Original
	YarnScaling   RotationScaling = "yarn"   // the same along a ramp over the pairs (L7.d); needs Original
)

// Rotation says how the columns of queries and keys turn with the position. Column j of a
// head turns with column j + Dims/2: the pairs of Hugging Face's files. The zero value is
// a base of 10,000, all columns and no scaling.
type Rotation struct {
	Base float64 `json:"base,omitempty" yaml:"base,omitempty"` // of the frequencies base^(-2j/Dims); 0 = 10,000; rope_theta in transformers
	Dims int     `json:"dims,omitempty" yaml:"dims,omitempty"` // columns of a head that turn, the first ones, an even number; 0 = all of d_ρ

	Scaling  RotationScaling `json:"scaling,omitempty" yaml:"scaling,omitempty"`
	Factor   float64         `json:"factor,omitempty" yaml:"factor,omitempty"`     // of all scalings, at least 1
	Low      float64         `json:"low,omitempty" yaml:"low,omitempty"`           // llama3: turns in Original below which a pair is slow; low_freq_factor
	High     float64         `json:"high,omitempty" yaml:"high,omitempty"`         // llama3: turns above which it is fast; high_freq_factor
	Original int             `json:"original,omitempty" yaml:"original,omitempty"` // llama3, yarn: tokens of the texts of training; original_max_position_embeddings
	Fast     float64         `json:"fast,omitempty" yaml:"fast,omitempty"`         // yarn: turns at which the ramp begins; 0 = 32; beta_fast
	Slow     float64         `json:"slow,omitempty" yaml:"slow,omitempty"`         // yarn: turns at which it ends; 0 = 1; beta_slow
	Scale    float64         `json:"scale,omitempty" yaml:"scale,omitempty"`       // yarn: multiplies cosines and sines; 0 = 0.1 ln Factor + 1; attention_factor
}

// WithDefaults replaces what is zero by what it means, for heads of d columns.
func (r Rotation) WithDefaults(d int) Rotation {
	if r.Base == 0 {
		r.Base = 10_000
	}
	if r.Dims == 0 {
		r.Dims = d
	}
	if r.Scaling == YarnScaling {
		if r.Fast == 0 {
			r.Fast = 32
		}
		if r.Slow == 0 {
			r.Slow = 1
		}
		if r.Scale == 0 {
			r.Scale = 0.1*math.Log(r.Factor) + 1
		}
	}
	return r
}

// validate reports the first thing wrong with r for heads of d columns.
func (r Rotation) validate(d int) error {
	full := r.WithDefaults(d)
	scaled := r.Scaling != ""
	for _, f := range []struct {
		name  string
		value float64
		has   bool // the scaling knows it
	}{
		{"factor", r.Factor, scaled},
		{"low", r.Low, r.Scaling == Llama3Scaling},
		{"high", r.High, r.Scaling == Llama3Scaling},
		{"original", float64(r.Original), r.Scaling == Llama3Scaling || r.Scaling == YarnScaling},
		{"fast", r.Fast, r.Scaling == YarnScaling},
		{"slow", r.Slow, r.Scaling == YarnScaling},
		{"scale", r.Scale, r.Scaling == YarnScaling},
	} {
		if f.value != 0 && !f.has {
			return fmt.Errorf("rotation.%s is %g, and rotation.scaling is %q: it has no such number", f.name, f.value, r.Scaling)
		}
		if !(f.value >= 0) || math.IsInf(f.value, 0) {
			return fmt.Errorf("rotation.%s is %g: it must be a number that is not negative", f.name, f.value)
		}
	}
	switch {
	case !(full.Base > 1) || math.IsInf(full.Base, 0):
		return fmt.Errorf("rotation.base is %g: it must be more than 1; 0 is 10000", r.Base)
	case r.Dims < 0 || full.Dims > d || full.Dims%2 != 0:
		return fmt.Errorf("rotation.dims is %d, and a head has queries of %d numbers: an even number of them turns, at most all; 0 is all", r.Dims, d)
	case scaled && r.Scaling != LinearScaling && r.Scaling != Llama3Scaling && r.Scaling != YarnScaling:
		return fmt.Errorf("unknown rotation.scaling %q: choose %q, %q or %q, or leave it out", r.Scaling, LinearScaling, Llama3Scaling, YarnScaling)
	case scaled && r.Factor < 1:
		return fmt.Errorf("rotation.factor is %g: %s scaling needs a factor of at least 1", r.Factor, r.Scaling)
	case r.Scaling == Llama3Scaling && !(0 < r.Low && r.Low < r.High):
		return fmt.Errorf("rotation.low is %g and rotation.high %g: llama3 scaling needs both, the first one lower", r.Low, r.High)
	case r.Scaling == YarnScaling && !(full.Slow < full.Fast):
		return fmt.Errorf("rotation.slow is %g and rotation.fast %g: the first must be lower", full.Slow, full.Fast)
	case (r.Scaling == Llama3Scaling || r.Scaling == YarnScaling) && r.Original < 1:
		return fmt.Errorf("rotation.original is %d: %s scaling needs the length of the texts of training", r.Original, r.Scaling)
	}
	return nil
}
