package train

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/agext/levenshtein"
)

func TestPresetsAreValid(t *testing.T) {
	for _, p := range Presets() {
		if err := p.Options.Validate(); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		if p.Options.Preset != p.Name || p.About == "" {
			t.Errorf("%s: preset %q, about %q", p.Name, p.Options.Preset, p.About)
		}
	}
}

// The published configuration behind the published loss of 1.88: it must not drift.
func TestCharPresetIsNanoGPTs(t *testing.T) {
	o, err := PresetOptions("char")
	if err != nil {
		t.Fatal(err)
	}
	got := []float64{float64(o.Blocks), float64(o.Heads), float64(o.Width), float64(o.Context), float64(o.Batch), float64(o.Steps),
		o.LR, o.MinLR, float64(o.Warmup), o.Beta1, o.Beta2, o.Decay, o.Clip, o.Dropout, float64(o.EvalEvery), float64(o.EvalBatches)}
	want := []float64{4, 4, 128, 64, 12, 2000, 1e-3, 1e-4, 100, 0.9, 0.99, 0.1, 1, 0, 250, 20}
	if !reflect.DeepEqual(got, want) || o.Bias || o.LogitsBias || !o.Tied || o.Activation != "gelu" {
		t.Errorf("char is %+v", o)
	}
	c := o.Config
	c.Vocab = 65
	// 65·128 + 64·128 + 4·(12·128² + 2·128) + 128; nanoGPT prints 0.80 M, which
	// leaves its positions out.
	if n := c.Ledger().Total(); n != 804096 {
		t.Errorf("%d parameters", n)
	}
}

// Every option is a setting under the name that its tags have, and the other way round.
func TestSettingsCoverOptions(t *testing.T) {
	var o Options
	fields := map[string]bool{}
	var walk func(reflect.Type)
	walk = func(s reflect.Type) {
		for i := range s.NumField() {
			f := s.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			if f.Anonymous {
				walk(f.Type)
				continue
			}
			if j, _, _ := strings.Cut(f.Tag.Get("json"), ","); j != name {
				t.Errorf("%s is %q in YAML and %q in JSON", f.Name, name, j)
			}
			fields[name] = true
		}
	}
	walk(reflect.TypeOf(o))
	delete(fields, "preset")
	delete(fields, "reading") // what a program does, not what one asks for
	delete(fields, "tuning")  // those of finetune
	for _, s := range o.Settings() {
		if !fields[s.Name] {
			t.Errorf("setting %s is no option, or listed twice", s.Name)
		}
		delete(fields, s.Name)
	}
	for name := range fields {
		t.Errorf("option %s is no setting", name)
	}
}

func TestSettingsRoundTrip(t *testing.T) {
	for _, p := range Presets() {
		var got Options
		for _, s := range p.Options.Settings() {
			if err := got.Set(s.Name, s.String()); err != nil {
				t.Fatal(err)
			}
		}
		got.Preset, got.Reading = p.Name, p.Options.Reading
		if !reflect.DeepEqual(got, p.Options) {
			t.Errorf("%s: %+v became %+v", p.Name, p.Options, got)
		}
		text, err := json.Marshal(p.Options)
		if err != nil {
			t.Fatal(err)
		}
		var back Options
		if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, p.Options) {
			t.Errorf("%s through JSON: %+v, %v", p.Name, back, err)
		}
	}
}

func TestParseOptions(t *testing.T) {
	o, err := ParseOptions([]byte("# mine\npreset: char\nwidth: 64\nlr: 5e-4\nbias: true\nactivation: relu\n"), "x.yaml", "")
	if err != nil {
		t.Fatal(err)
	}
	want, _ := PresetOptions("char")
	want.Width, want.LR, want.Bias, want.Activation = 64, 5e-4, true, "relu"
	if !reflect.DeepEqual(o, want) {
		t.Errorf("got %+v, want %+v", o, want)
	}
	if o, err := ParseOptions([]byte("preset: char"), "x.yaml", "tiny"); err != nil || o.Preset != "tiny" {
		t.Errorf("the preset given does not win: %q, %v", o.Preset, err)
	}
	if o, err := ParseOptions(nil, "x.yaml", ""); err != nil || o.Preset != "story" {
		t.Errorf("an empty file: %q, %v", o.Preset, err)
	}
}

func TestParseOptionsRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"widht: 64":               `x.yaml:1: unknown setting "widht": did you mean "width"?`,
		"steps: 1\nqqqqqq: 64":    `x.yaml:2: unknown setting "qqqqqq"`,
		"width: 64\nwidth: 64":    `x.yaml:2: width was given before, on line 1`,
		"width: wide":             `x.yaml:1: width is "wide": it must be a whole number`,
		"width: 1.5":              `x.yaml:1: width is "1.5": it must be a whole number`,
		"width:":                  `x.yaml:1: width has no single value`,
		"width: [1, 2]":           `x.yaml:1: width has no single value`,
		"lr: fast":                `x.yaml:1: lr is "fast": it must be a number`,
		"bias: maybe":             `x.yaml:1: bias is "maybe": it must be true or false`,
		"seed: -1":                `x.yaml:1: seed is "-1": it must be a whole number that is not negative`,
		"- width":                 `x.yaml:1: not a list of settings: write "width: 128" and so on, one a line`,
		"width: 1\n---\nwidth: 2": `x.yaml:1: more than one YAML document: a settings file has one`,
		"preset: huge":            `x.yaml:1: unknown preset "huge": choose one of story, tiny, char, llama, paper, gpt2`,
		"steps: 2\npreset: chart": `x.yaml:2: unknown preset "chart": did you mean "char"? There are story, tiny, char, llama, paper, gpt2`,
	} {
		if _, err := ParseOptions([]byte(text), "x.yaml", ""); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	if _, err := ParseOptions([]byte("width: \"64\n\tx"), "x.yaml", ""); err == nil || !strings.HasPrefix(err.Error(), "x.yaml is not YAML: ") {
		t.Errorf("broken YAML: %v", err)
	}
}

func TestValidateRefuses(t *testing.T) {
	for _, c := range []struct {
		change func(*Options)
		want   string
	}{
		{func(o *Options) { o.Heads = 5 }, "5 heads do not divide the width 96"},
		{func(o *Options) { o.Steps = 0 }, "steps is 0: it must be between 1 and 2147483647"},
		{func(o *Options) { o.Batch = -1 }, "batch is -1"},
		{func(o *Options) { o.LR = math.NaN() }, "lr is NaN"},
		{func(o *Options) { o.LR = math.Inf(1) }, "lr is +Inf"},
		{func(o *Options) { o.Dropout = 1 }, "dropout is 1: it must be at least 0 and below 1"},
		{func(o *Options) { o.MinLR = 1 }, "min_lr 1 is above lr"},
		{func(o *Options) { o.ValFraction = 1e-4 }, "val_fraction is 0.0001: it must be at least 0.001 and at most 0.5, or 0 for no validation split"},
		{func(o *Options) { o.Tokenizer = "words" }, `unknown tokenizer "words": choose chars, bytes, gpt2, or the path`},
		{func(o *Options) { o.Activation = "swish" }, `unknown activation "swish"`},
		{func(o *Options) { o.Batch, o.Context = 1<<20, 1<<20 }, "more than a step can hold"},
		{func(o *Options) { o.Vocab = -1 }, "vocab is -1"},
		{func(o *Options) { o.Window = -1 }, "window is -1"},
		{func(o *Options) { o.Window = o.Context + 1 }, "window is 301: it must be at most the context of 300"},
		{func(o *Options) { o.OnSpike = "ignore" }, `on_spike is "ignore": choose warn, skip or rewind`},
		{func(o *Options) { o.Precision = "bf16x3" }, `precision "bf16x3" is for an adapter beside a base that stays in bf16: choose "float32" or "bf16"`},
		{func(o *Options) { o.Precision = "fp8" }, `unknown precision "fp8": choose "float32", "bf16x3" or "bf16"`},
		{func(o *Options) { o.Align = "word" }, `unknown align "word": choose anywhere, line or paragraph`},
		{func(o *Options) { o.Tuning.Base, o.Tuning.Loss = "base", "none" }, `loss is "none": choose completions or all`},
		{func(o *Options) { o.AdamEps = 0 }, "adam_eps is 0: it must be at least 1e-15"},
	} {
		o, _ := PresetOptions("story")
		o.Width, o.Heads = 96, 4
		c.change(&o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

func TestEdits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "abc", 3}, {"widht", "width", 2}, {"lr", "lr", 0}, {"step", "steps", 1}, {"kitten", "sitting", 3}} {
		if got := levenshtein.Distance(c.a, c.b, nil); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// A value that a setting cannot have is refused by its name and by what it must be.
func TestSettingsRefuse(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"steps", "many", `steps is "many": it must be a whole number`},
		{"steps", "1.5", `steps is "1.5": it must be a whole number`},
		{"seed", "-1", `seed is "-1": it must be a whole number that is not negative`},
		{"lr", "fast", `lr is "fast": it must be a number`},
		{"tied", "maybe", `tied is "maybe": it must be true or false`},
		{"stesp", "1", `unknown setting "stesp": did you mean "steps"?`},
		{"qqqqqqqq", "1", `unknown setting "qqqqqqqq"`},
	} {
		o := mini()
		if err := o.Set(c.name, c.value); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: got %v, want %s", c.name, c.value, err, c.want)
		}
	}
	types := map[string]string{"steps": "int", "seed": "int", "lr": "float", "tied": "bool", "data": "string", "activation": "string"}
	o := mini()
	for _, s := range o.Settings() {
		if want, ok := types[s.Name]; ok && s.Type() != want {
			t.Errorf("%s is a %s, want %s", s.Name, s.Type(), want)
		}
		if s.Name == "eval_every" && s.Flag() != "eval-every" {
			t.Errorf("the flag of %s is %s", s.Name, s.Flag())
		}
	}
	if text := (Setting{}).String(); text != "" {
		t.Errorf("no setting is %q", text)
	}
}

// Each half of the stories is another text, and only paths are none.
func TestStoriesByName(t *testing.T) {
	texts := map[string]string{}
	for _, name := range []string{Stories, SilentStories, SpokenStories} {
		o := mini()
		o.Data, o.StoryChars = name, 5000
		d, err := LoadData(o)
		if err != nil || !TellsStories(name) {
			t.Fatal(name, err)
		}
		text := d.Tokenizer.Decode(d.Train)
		if other, ok := texts[text]; ok {
			t.Errorf("%s and %s are one text", name, other)
		}
		texts[text] = name
		if spoken := strings.Contains(text, `"`); spoken && name == SilentStories || !spoken && name == SpokenStories {
			t.Errorf("%s: somebody speaks: %v", name, spoken)
		}
	}
	if TellsStories("stories.txt") {
		t.Error("a path is taken for stories")
	}
}
