package train

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
)

// What is written for each setting of fine-tuning is read to the same.
func TestTuningSettingsRoundTrip(t *testing.T) {
	o := TuningOptions("base")
	o.Data, o.Context, o.Width, o.Heads, o.Blocks, o.Activation = "x", 8, 8, 2, 2, pedestrian.GELU
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	o.Tuning.Adapter.Ranks = map[pedestrian.Target]int{pedestrian.TargetQKV: 4}
	o.Tuning.Adapter.Layers = []int{0, 1, 2, 5}
	o.Tuning.Separator, o.Tuning.End = "\n\n", "\\n\t\\"
	got := TuningOptions("base")
	for _, s := range o.TuningSettings() {
		if err := got.Set(s.Name, s.String()); err != nil {
			t.Fatal(err)
		}
	}
	got.Context, got.Width, got.Heads, got.Blocks, got.Activation = o.Context, o.Width, o.Heads, o.Blocks, o.Activation
	if !reflect.DeepEqual(got, o) {
		t.Errorf("got\n%+v, want\n%+v", got, o)
	}
	for name, want := range map[string]string{"targets": "qkv:4,attProj,expand,contract", "layers": "0-2,5", "scaling": "alpha/r", "separator": `\n\n`, "end": `\\n\t\\`} {
		i := slices.IndexFunc(o.TuningSettings(), func(s Setting) bool { return s.Name == name })
		if text := o.TuningSettings()[i].String(); text != want {
			t.Errorf("%s is written %q, want %q", name, text, want)
		}
	}
}

func TestTuningSettingsRefused(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"layers", "3-1", "layers is"}, {"layers", "a", "such as 0-3,5"}, {"layers", "0-99999999", "such as 0-3,5"},
		{"targets", "q:x", "the rank of q must be a whole number"},
		{"targets", "wte", "embeddings take no factors"}, {"targets", "all,qkv", "qkv is named twice"}, {"targets", "q:2,q:3", "q is named twice"}, {"width", "3", "unknown setting"}, {"rnak", "3", `did you mean "rank"`},
	} {
		o := TuningOptions("base")
		if err := o.Set(c.name, c.value); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %s: %v", c.name, c.value, err)
		}
	}
	for _, c := range []struct{ name, value, want string }{
		{"targets", "q,w", `unknown target "w"`}, {"targets", "q,qkv", "are the same weights"}, {"loss", "some", "loss is"}, {"packing", "yes", "packing is"},
		{"long", "keep", "long is"}, {"init", "zero", "init is"}, {"epochs", "-1", "epochs is"}, {"lora_plus", "-2", "lora_plus is"}, {"rank", "0", "rank of"},
	} {
		o := TuningOptions("base")
		o.Data, o.Context, o.Width, o.Heads, o.Blocks, o.Activation = "x", 8, 8, 2, 2, pedestrian.GELU
		if err := o.Set(c.name, c.value); err != nil {
			t.Fatal(err)
		}
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %s: %v", c.name, c.value, err)
		}
	}
}

// Targets and blocks in every notation, and what each becomes.
func TestTuningNotation(t *testing.T) {
	o := TuningOptions("base")
	setting := func(name string) Setting {
		i := slices.IndexFunc(o.TuningSettings(), func(s Setting) bool { return s.Name == name })
		return o.TuningSettings()[i]
	}
	for _, c := range []struct {
		name, text, written string
		targets             []pedestrian.Target
		ranks               map[pedestrian.Target]int
		layers              []int
	}{
		{"targets", "q,v", "q,v", []pedestrian.Target{"q", "v"}, nil, nil},
		{"targets", " q:4, v ", "q:4,v", []pedestrian.Target{"q", "v"}, map[pedestrian.Target]int{"q": 4}, nil},
		{"targets", "all", "all", allLinear, nil, nil},
		{"targets", "", "", nil, nil, nil}, // biases or norms alone
		{"targets", "all,lm_head", "all,logits", append(slices.Clone(allLinear), "logits"), nil, nil},
		{"targets", "all-linear, lm_head:2", "qkv,attProj,expand,contract,logits:2", append(slices.Clone(allLinear), "logits"), map[pedestrian.Target]int{"logits": 2}, nil},
		{"targets", "all,c_attn:16", "qkv:16,attProj,expand,contract", allLinear, map[pedestrian.Target]int{"qkv": 16}, nil},
		{"targets", "c_attn,c_proj:3", "qkv,attProj:3,contract:3", []pedestrian.Target{"qkv", "attProj", "contract"}, map[pedestrian.Target]int{"attProj": 3, "contract": 3}, nil},
		{"targets", "attn.c_proj,mlp.c_fc,mlp.c_proj", "attProj,expand,contract", []pedestrian.Target{"attProj", "expand", "contract"}, nil, nil},
		{"layers", "0, 3-5,7,8", "0,3-5,7-8", nil, nil, []int{0, 3, 4, 5, 7, 8}},
		{"layers", "2", "2", nil, nil, []int{2}},
		{"layers", "", "", nil, nil, nil}, // all
	} {
		if err := o.Set(c.name, c.text); err != nil {
			t.Errorf("%s %q: %v", c.name, c.text, err)
		}
		a := o.Tuning.Adapter
		if got := setting(c.name).String(); got != c.written {
			t.Errorf("%s %q is written %q, want %q", c.name, c.text, got, c.written)
		}
		if c.name == "targets" && (!slices.Equal(a.Targets, c.targets) || !reflect.DeepEqual(a.Ranks, c.ranks)) {
			t.Errorf("targets %q: %v with ranks %v", c.text, a.Targets, a.Ranks)
		}
		if c.name == "layers" && !slices.Equal(a.Layers, c.layers) {
			t.Errorf("layers %q: %v", c.text, a.Layers)
		}
	}
	for name, want := range map[string]string{"targets": "string", "rank": "int", "dora": "bool", "lora_plus": "float", "seed": "int", "end": "string"} {
		if got := setting(name).Type(); got != want {
			t.Errorf("%s is a %s, want %s", name, got, want)
		}
	}
	if got := setting("lora_dropout").Flag(); got != "lora-dropout" {
		t.Errorf("the flag of lora_dropout is %s", got)
	}
}

// The adapter of a run is that of its options where one is trained, and none elsewhere.
func TestOptionsAdapter(t *testing.T) {
	o := TuningOptions("base")
	if a := o.Adapter(); a == nil || a.Rank != o.Tuning.Adapter.Rank {
		t.Errorf("an adapter of %v", a)
	}
	o.Tuning.Full = true
	if a := o.Adapter(); a != nil {
		t.Errorf("all parameters are trained, and an adapter %v", a)
	}
	if a := mini().Adapter(); a != nil {
		t.Errorf("there is no base, and an adapter %v", a)
	}
}
