package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/token"
	"github.com/pedestrian-ml/pedestrian/train"
)

// wantContradictions are all pairs of flags that mean nothing together: a command, a
// flag with its value, and those that it makes meaningless.
const wantContradictions = `
finetune full=true: rank alpha scaling targets layers dora lora-dropout train-bias train-norms init lora-plus
finetune targets=: rank alpha scaling dora lora-dropout init lora-plus full
finetune steps=3: epochs
finetune format=windows: map separator template end loss packing long
finetune format=documents: align
finetune data=stories: format map separator template end loss packing long
finetune data=x.txt: story-chars
finetune val=x: val-fraction
finetune val-fraction=0: patience eval-batches val
finetune schedule=constant: min-lr
finetune sample-every=0: sample-tokens
train data=x.txt: story-chars
train val=x: val-fraction
train val-fraction=0: patience eval-batches val
train schedule=constant: min-lr
train sample-every=0: sample-tokens
sample temperature=0: top-k top-p
data show-template=plain: tokenizer format val window n tokens json map separator template end loss packing long
bench list=true: threads repeat text recompute parts profile
`

// valuesOf are the values at which a flag may make others meaningless, or else one that
// it can have.
func valuesOf(command string, f *pflag.Flag) []string {
	if values := map[string][]string{
		"finetune format": {"windows", "documents"}, "finetune data": {"stories", "x.txt"}, "train data": {"stories", "x.txt"},
		"finetune targets": {"", "q"}, "params targets": {"q"}, "finetune steps": {"3"}, "train val-fraction": {"0", "0.2"}, "finetune val-fraction": {"0", "0.2"},
		"finetune schedule": {"constant", "linear"}, "train schedule": {"constant", "linear"},
		"finetune sample-every": {"0", "9"}, "train sample-every": {"0", "9"}, "sample temperature": {"0", "0.5"},
		"data show-template": {"plain"}, "data map": {"prompt=q"}, "finetune map": {"prompt=q"}, "finetune layers": {"0"}, "finetune template": {"plain"},
	}[command+" "+f.Name]; values != nil {
		return values
	}
	switch f.Value.Type() {
	case "bool":
		return []string{"true"}
	case "int", "uint", "int64", "uint64":
		return []string{"3"}
	case "float", "float64":
		return []string{"0.5"}
	}
	if f.NoOptDefVal == "true" {
		return []string{"true"}
	}
	for _, v := range []string{"x", "prompt=q", "3"} {
		if f.Value.Set(v) == nil {
			return []string{v}
		}
	}
	return nil // what takes none of these is caught by its own tests
}

// Of all pairs of flags of every command, in whatever order, those are refused that
// contradict each other, and no others.
func TestAllPairsOfFlags(t *testing.T) {
	want := map[string]bool{}
	for line := range strings.Lines(strings.TrimSpace(wantContradictions)) {
		about, others, _ := strings.Cut(line, ":")
		command, flag, _ := strings.Cut(about, " ")
		for other := range strings.FieldsSeq(others) {
			want[command+" "+flag+" "+other] = false
		}
	}
	pairs := 0
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		_, command, _ := strings.Cut(cmd.CommandPath(), " ")
		var flags []*pflag.Flag
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" {
				flags = append(flags, f)
			}
		})
		for i, a := range flags {
			for _, b := range flags[i+1:] {
				for _, x := range valuesOf(command, a) {
					for _, y := range valuesOf(command, b) {
						pairs++
						for f, v := range map[*pflag.Flag]string{a: x, b: y} {
							if err := f.Value.Set(v); err != nil {
								t.Fatalf("%s --%s=%s: %v", command, f.Name, v, err)
							}
						}
						given := map[string]string{a.Name: "--" + a.Name, b.Name: "--" + b.Name}
						err := contradicted(command, given, func(flag string) string { return cmd.Flags().Lookup(flag).Value.String() })
						expected := false
						for _, key := range []string{command + " " + a.Name + "=" + x + " " + b.Name, command + " " + b.Name + "=" + y + " " + a.Name} {
							if _, ok := want[key]; ok {
								expected, want[key] = true, true
							}
						}
						if (err != nil) != expected {
							t.Errorf("%s --%s=%s --%s=%s: got %v, refused should be %v", command, a.Name, x, b.Name, y, err, expected)
						}
						if err != nil && !(strings.Contains(err.Error(), "--"+a.Name+" ") && strings.Contains(err.Error(), "--"+b.Name+":")) &&
							!(strings.Contains(err.Error(), "--"+b.Name+" ") && strings.Contains(err.Error(), "--"+a.Name+":")) {
							t.Errorf("%s: %v does not name --%s and --%s", command, err, a.Name, b.Name)
						}
					}
				}
			}
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(newRootCmd())
	for key, met := range want {
		if !met {
			t.Errorf("no command has the pair %s", key)
		}
	}
	if pairs < 3000 {
		t.Errorf("%d pairs were tried", pairs)
	}
}

// Contradictions end with exit code 2, wherever they stand, before anything is read or
// made.
func TestContradictionsAreRefused(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range map[string]string{"both.yaml": "full: true\nrank: 4\n", "rank.yaml": "rank: 4\n", "full.yaml": "full: true\n", "val.yaml": "val: v.txt\nval_fraction: 0.2\n"} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for args, want := range map[string]string{
		"finetune base --data x --full --rank 4":                         "--rank is given together with --full: all parameters are trained, and there is no adapter: leave one of the two out",
		"finetune base --data x --config both.yaml":                      "rank in both.yaml is given together with full in both.yaml:",
		"finetune base --data x --full --config rank.yaml":               "the data: ", // the flag wins
		"finetune base --data x --rank 3 --config full.yaml":             "--rank is given together with full in full.yaml:",
		"train --config val.yaml":                                        "val_fraction in val.yaml is given together with val in val.yaml:",
		"train --data x.txt --story-chars 500":                           "--story-chars is given together with --data:",
		"sample nowhere --temperature 0 --top-k 3":                       "--top-k is given together with --temperature:",
		"bench --list --repeat 3":                                        "--repeat is given together with --list:",
		"data --show-template plain --json":                              "--json is given together with --show-template:",
		"tour --steps 0":                                                 "--steps is 0: it must be at least 1",
		"tour --lora --steps 0":                                          "--steps is 0: it must be at least 1",
		"train --val-fraction 0 --patience 2":                            "--patience is given together with --val-fraction:",
		"finetune base --data x --steps 3 --epochs 2":                    "--epochs is given together with --steps:",
		"finetune base --data x --full=false --rank 4":                   "the data: ", // no contradiction
		"finetune base --data x --full --dora=false --train-norms=false": "the data: ",
	} {
		var out, errs bytes.Buffer
		code := run(strings.Fields(args), &out, &errs)
		if code != 2 || !strings.HasPrefix(errs.String(), "pedestrian: "+want) || strings.Count(errs.String(), "\n") != 1 {
			t.Errorf("%s: exit code %d, %s", args, code, errs.String())
		}
	}
	if names, _ := filepath.Glob("*"); len(names) != 4 {
		t.Errorf("something was made: %v", names)
	}
}

// What is refused beside another setting would have changed nothing: with it and without
// it a run ends with the same bits.
func TestContradictionsMeanNothing(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.txt")
	examples := filepath.Join(dir, "examples.jsonl")
	for path, content := range map[string]string{
		text: strings.Repeat("the cat sat on the mat, and so did the dog. ", 30), examples: strings.Repeat(`{"prompt": "a", "completion": "bcd"}`+"\n"+`{"prompt": "e", "completion": "fgh"}`+"\n", 9),
		text + ".val": strings.Repeat("the hen sat there, too. ", 10), examples + ".val": `{"prompt": "x", "completion": "y"}` + "\n",
	} {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tok := token.NewBytes()
	config := pedestrian.Config{Vocab: tok.Vocab(), Context: 16, Width: 8, Heads: 2, Blocks: 1, Activation: pedestrian.GELU, Eps: 1e-5, Tied: true}
	weights := func(settings ...[2]string) string {
		o := train.TuningOptions("base")
		o.Config, o.Data, o.Tuning.End, o.Steps, o.Batch, o.EvalEvery, o.SampleEvery = config, examples, "!", 3, 2, 3, 0
		for _, s := range settings {
			if err := o.Set(s[0], s[1]); err != nil {
				t.Fatal(err)
			}
		}
		d, err := train.LoadTuningData(o, tok, tok.Vocab())
		if err != nil {
			t.Fatal(settings, err)
		}
		p := train.NewState(config, 5).Params
		r, err := train.Finetune(o, train.Base{Path: "/base", Params: p, Tokenizer: tok}, d, "")
		if err != nil {
			t.Fatal(settings, err)
		}
		defer r.Close()
		if _, err := r.Train(t.Context(), train.Observer{}); err != nil {
			t.Fatal(settings, err)
		}
		return fmt.Sprint(r.State.Trained().Slab())
	}
	for _, c := range []struct {
		with   [][2]string
		others [][2]string
	}{
		{[][2]string{{"full", "true"}}, [][2]string{{"rank", "3"}, {"alpha", "3"}, {"scaling", "alpha"}, {"targets", "q"}, {"layers", "0"}, {"dora", "true"}, {"lora_dropout", "0.5"}, {"train_bias", "all"}, {"train_norms", "true"}, {"init", "gaussian"}, {"lora_plus", "4"}}},
		{[][2]string{{"targets", ""}, {"train_norms", "true"}}, [][2]string{{"rank", "3"}, {"alpha", "3"}, {"scaling", "alpha"}, {"lora_dropout", "0.5"}, {"init", "gaussian"}}},
		{[][2]string{{"steps", "3"}}, [][2]string{{"epochs", "7"}}},
		{[][2]string{{"data", text}, {"format", "windows"}}, [][2]string{{"separator", " "}, {"template", "chatml"}, {"loss", "all"}, {"packing", "off"}, {"long", "truncate"}, {"story_chars", "77"}}},
		{[][2]string{{"format", "documents"}}, [][2]string{{"align", "line"}}},
		{[][2]string{{"val", examples + ".val"}}, [][2]string{{"val_fraction", "0.4"}}},
		{[][2]string{{"val_fraction", "0"}}, [][2]string{{"eval_batches", "1"}}},
		{[][2]string{{"schedule", "constant"}}, [][2]string{{"min_lr", "1e-4"}}},
		{[][2]string{{"sample_every", "0"}}, [][2]string{{"sample_tokens", "7"}}},
	} {
		alone := weights(c.with...)
		for _, other := range c.others {
			if weights(slices.Concat(c.with, [][2]string{other})...) != alone {
				t.Errorf("beside %v, %v changes the weights", c.with, other)
			}
		}
	}
	if weights([2]string{"rank", "3"}) == weights() || weights([2]string{"schedule", "linear"}, [2]string{"min_lr", "1e-4"}) == weights([2]string{"schedule", "linear"}) {
		t.Error("settings that mean something change nothing")
	}
}
