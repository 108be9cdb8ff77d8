package train

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/token"
)

// frozenBase is b with matrices and tables in bf16, and b widened from that.
func frozenBase(t testing.TB, b Base) (frozen, wide Base) {
	t.Helper()
	p := pedestrian.NewFrozen[float32](b.Params.Config, func(pedestrian.Slot) pedestrian.Storage { return pedestrian.BF16 })
	for i, x := range b.Params.Tensors() {
		v := slices.Clone(x.V)
		for j := range v {
			v[j] = math.Float32frombits(math.Float32bits(v[j]) &^ 0xffff)
		}
		if !p.Tensors()[i].Write(0, v) {
			t.Fatalf("%s does not hold its numbers", x.Name)
		}
	}
	b.SHA256 = "" // of other numbers
	frozen, wide = b, b
	frozen.Params, wide.Params = p, p.Widened()
	return frozen, wide
}

// A run beside a frozen base has the bits of a run beside the widened one: with DoRA, in
// mixed precision and with tokens that were added, at its end and where it is resumed.
func TestFrozenRun(t *testing.T) {
	for name, change := range map[string]func(o *Options){
		"lora":  func(*Options) {},
		"dora":  func(o *Options) { o.Tuning.Adapter.DoRA, o.Tuning.Adapter.Norms, o.Recompute = true, true, true },
		"mixed": func(o *Options) { o.Precision = "bf16" },
		"tokens": func(o *Options) {
			o.Tokenizer, o.Tuning.AddTokens = token.Bytes, []string{"<x>", "<y>"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := adapted()
			o.Steps, o.EvalEvery, o.SaveEvery = 4, 2, 2
			change(&o)
			b, d := aBase(t, o)
			frozen, wide := frozenBase(t, b)
			sum := Digest(wide.Params)
			if Digest(frozen.Params) != sum {
				t.Fatal("the frozen base has another digest")
			}
			var states []*State
			var dirs []string
			for _, b := range []Base{frozen, wide} {
				own := o
				if len(o.Tuning.AddTokens) > 0 {
					ids, err := b.AddTokens(o.Tuning.AddTokens)
					if err != nil {
						t.Fatal(err)
					}
					own.Tuning.Adapter.Tokens = ids
				}
				dir := t.TempDir()
				r := finetune(t, own, b, d, dir)
				if end, err := r.Train(t.Context(), Observer{}); err != nil || end != Finished {
					t.Fatal(end, err)
				}
				a, err := r.Audit(t.Context())
				if err != nil || a.Err() != nil {
					t.Errorf("audited: %+v, %v, %v", a, err, a.Err())
				}
				states, dirs = append(states, r.State), append(dirs, dir)
				r.Close()
			}
			if err := sameState(states[0], states[1]); err != nil {
				t.Error(err)
			}
			c, _, err := LoadNewest(dirs[1], true)
			if err == nil {
				err = c.Attach(frozen.Params)
			}
			if err != nil || !c.State.Params.IsFrozen() {
				t.Errorf("beside the frozen base the run of the widened one does not go on: %v", err)
			}
		})
	}
}

// With bf16x3 a run beside a base in bf16 learns what one in float32 does, to the rounding of
// float32, and a base of other types is refused.
func TestFrozenSplit(t *testing.T) {
	o := adapted()
	o.Steps, o.EvalEvery, o.SaveEvery = 4, 2, 2
	b, d := aBase(t, o)
	frozen, wide := frozenBase(t, b)
	var losses []float64
	for _, precision := range []string{"float32", "bf16x3"} {
		o.Precision = precision
		r := finetune(t, o, frozen, d, t.TempDir())
		if end, err := r.Train(t.Context(), Observer{}); err != nil || end != Finished {
			t.Fatal(end, err)
		}
		a, err := r.Audit(t.Context())
		if err != nil || a.Err() != nil || a.FirstLoss != a.BaseLoss {
			t.Errorf("audited: %+v, %v, %v", a, err, a.Err())
		}
		losses = append(losses, r.State.First.Loss, r.State.Last.Loss)
		r.Close()
	}
	const limit = 1e-6 // of a loss of a few nats, after four steps
	if learnt := losses[0] - losses[1]; learnt < 1000*limit || math.Abs(losses[0]-losses[2]) > limit || math.Abs(losses[1]-losses[3]) > limit {
		t.Errorf("float32 went from %.9f to %.9f, bf16x3 from %.9f to %.9f", losses[0], losses[1], losses[2], losses[3])
	}
	if _, err := Finetune(o, wide, d, ""); err == nil || !strings.Contains(err.Error(), `precision "bf16x3" is for a base whose weights are in bf16`) {
		t.Errorf("beside a base in float32: %v", err)
	}
}

// What is frozen is not trained as a whole: a copy is.
func TestFrozenFull(t *testing.T) {
	o := mini()
	o.Steps, o.Tuning = 2, Tuning{Base: "base", Full: true}
	b, d := aBase(t, o)
	frozen, wide := frozenBase(t, b)
	sum := Digest(frozen.Params)
	var states []*State
	for _, b := range []Base{frozen, wide} {
		r := finetune(t, o, b, d, t.TempDir())
		if _, err := r.Train(t.Context(), Observer{}); err != nil {
			t.Fatal(err)
		}
		states = append(states, r.State)
	}
	if err := sameState(states[0], states[1]); err != nil {
		t.Error(err)
	}
	if !frozen.Params.IsFrozen() || Digest(frozen.Params) != sum {
		t.Error("the base has changed")
	}
}
