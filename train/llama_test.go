package train

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// llamaLike changes o into a network of the Llama family, with every choice.
func llamaLike(o Options) Options {
	o.Bias, o.Activation, o.Norm, o.Positions, o.Gated = false, pedestrian.SiLU, pedestrian.RMSNorm, pedestrian.Rotary, true
	o.Rotation, o.QKNorm, o.QKVBias, o.SlidingWindow = pedestrian.Rotation{Base: 500, Scaling: pedestrian.YarnScaling, Factor: 2, Original: 8}, true, true, 5
	o.Width, o.Heads, o.KVHeads, o.HeadDim, o.Hidden = 24, 4, 2, 8, 40
	return o
}

// TestLlamaRun: a network of the Llama family learns from nothing, and an adapter beside one;
// with 1, 2 and 5 threads, stopped in between, with the same bits.
func TestLlamaRun(t *testing.T) {
	plain := llamaLike(mini())
	tuned := llamaLike(adapted())
	tuned.Tuning.Adapter.Targets = tuned.Config.Targets()[:7]
	for name, o := range map[string]Options{"from nothing": plain, "adapter": tuned} {
		o.Steps, o.Accumulate, o.Dropout, o.SaveEvery, o.LR = 40, 2, 0.1, 10, 1e-2
		d := dataOf(t, sentences(t), o)
		var base Base
		if o.Tuning.hasBase() {
			base, _ = randomBase(o, d)
		}
		var first *Run
		parallel(t, 5)
		for _, threads := range []int{1, 2, 5} {
			o.Threads = threads
			dir := filepath.Join(t.TempDir(), "run")
			r := start(t, o, d, dir)
			before, err := r.Evaluate(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				trainTo(t, r, o.Steps)
				if after, err := r.Evaluate(t.Context()); err != nil || !(after < 0.95*before) {
					t.Errorf("%s: the validation loss was %.3f and is %.3f (%v)", name, before, after, err)
				}
				first = r
				continue
			}
			trainTo(t, r, 15)
			r.Close()
			c, _, err := LoadNewest(dir, true)
			if err == nil && o.Tuning.hasBase() {
				err = c.Attach(base.Params)
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.Network != r.Network {
				t.Errorf("%s: a checkpoint of %+v, not of %+v", name, c.Network, r.Network)
			}
			if r, err = Resume(dir, c, d); err != nil {
				t.Fatal(err)
			}
			trainTo(t, r, o.Steps)
			if err := sameState(r.State, first.State); err != nil {
				t.Errorf("%s, %d threads: %v", name, threads, err)
			}
			r.Close()
		}
	}
}

// TestRotationSetting: what is written is read; what cannot be is refused by name.
func TestRotationSetting(t *testing.T) {
	for _, text := range []string{"", "base=500000,scaling=llama3,factor=32,low=1,high=4,original=8192", "dims=32", "base=1e+06,scaling=yarn,factor=4,original=32768,fast=30,slow=2,scale=1.1"} {
		var o Options
		if err := o.Set("rotation", text); err != nil {
			t.Fatal(err)
		}
		if got := writeRotation(o.Rotation); got != text {
			t.Errorf("%q is written as %q", text, got)
		}
	}
	for text, want := range map[string]string{
		"theta=5": `rotation is "theta=5": "theta": a rotation has base, dims`, "base": `"base": a rotation is NAME=VALUE`,
		"base=1,base=2": "no name twice", "dims=x": `dims of the rotation is "x": it must be a number`, "base=x": `base of the rotation is "x"`,
	} {
		var o Options
		if err := o.Set("rotation", text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
