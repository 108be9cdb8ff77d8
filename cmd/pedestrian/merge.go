package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/hub"
	"github.com/pedestrian-ml/pedestrian/internal/memory"
	"github.com/pedestrian-ml/pedestrian/model"
	"github.com/pedestrian-ml/pedestrian/safetensors"
)

// A mergeCommand holds the flags of merge.
type mergeCommand struct {
	out, format, dtype string
	anyBase, newest    bool
	json               bool
}

func newMergeCmd() *cobra.Command {
	var t mergeCommand
	cmd := &cobra.Command{
		Use:   "merge [BASE] ADAPTER",
		Short: "Make one network of a base and its adapter",
		Long: `Adds an adapter to the weights of its base, and writes one network that computes the
same as base and adapter. ADAPTER is a run of "pedestrian finetune" or one of its
checkpoints, an adapter directory of PEFT, the name of one on the Hugging Face hub, or an
adapter in GGUF. A run knows its BASE. For another adapter give it: a directory of Hugging Face, its name
on the hub, or a run.

Before it writes, the command checks that the base's weights are those that the adapter
recorded (SHA-256; --any-base skips this check), that every number is finite, and that
the logits of the merged network agree with those of base and adapter to 1e-4 of the
largest, over 128 tokens, or twice the context if that is less.

You will see the base, the adapter, the difference, and where the network was written.`,
		Example: "  pedestrian merge runs/finetune-1 --out merged\n  pedestrian merge openai-community/gpt2 ./lora --out merged --dtype bf16\n  pedestrian merge runs/story-1 runs/finetune-1 --format run --out runs/merged",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usagef("merge takes a base and an adapter, or a run that has both, not %d: see \"%s --help\"", len(args), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.run(cmd.Context(), args, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&t.out, "out", "", "the directory to write")
	f.StringVar(&t.format, "format", "hf", "hf: for transformers; run: a run directory of pedestrian")
	f.StringVar(&t.dtype, "dtype", "f32", "with hf: f32, f16 or bf16")
	f.BoolVar(&t.anyBase, "any-base", false, "merge although the base is not the one that the adapter recorded")
	f.BoolVar(&t.newest, "newest", false, "of a run, the newest checkpoint instead of the best")
	f.BoolVar(&t.json, "json", false, "print one JSON object")
	return cmd
}

func (t *mergeCommand) run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	dtype, ok := map[string]safetensors.DType{"f32": safetensors.F32, "f16": safetensors.F16, "bf16": safetensors.BF16}[t.dtype]
	switch {
	case !ok:
		return usagef("--dtype is %q: choose f32, f16 or bf16", t.dtype)
	case t.format != "hf" && t.format != "run":
		return usagef("--format is %q: choose hf or run", t.format)
	case t.format == "run" && t.dtype != "f32":
		return usagef("--dtype is %q, and a run directory holds f32", t.dtype)
	case t.out == "":
		return usagef("--out is missing: name the directory to write")
	}
	if entries, err := os.ReadDir(t.out); err == nil && len(entries) > 0 {
		return usagef("%s is there already and holds %s: choose another directory", t.out, entries[0].Name())
	}
	base, a, err := t.load(ctx, args, stderr)
	if err != nil {
		return err
	}
	m, err := base.Merge(a)
	switch {
	case err != nil:
		return err
	case t.format == "run" && m.Tokenizer == nil:
		return usagef("%s has no tokenizer, and a run has one: merge with --format hf", m.Path)
	case t.format == "run":
		_, err = m.SaveRun(t.out)
	default:
		err = mistake(hub.SaveHuggingFace(t.out, m.Export(), hub.SaveOptions{DType: dtype}))
	}
	if err != nil {
		return err
	}
	return t.report(m, base, a, args, stdout)
}

// load opens the base and the adapter beside it, which is nil where it is the base's own.
func (t *mergeCommand) load(ctx context.Context, args []string, stderr io.Writer) (base *model.Model, a *model.Adapter, err error) {
	if len(args) == 1 {
		if isAdapter(args[0]) {
			return nil, nil, usagef("%s is an adapter: name its base before it", args[0])
		}
		if base, err = openModel(ctx, args[0], false, model.Options{Newest: t.newest, Frozen: true}, stderr); err != nil {
			return nil, nil, err
		}
		if base.Adapter == nil {
			return nil, nil, usagef("%s holds no adapter: name a run of \"pedestrian finetune\", or a base and an adapter", args[0])
		}
		return base, nil, nil
	}
	room := func(c pedestrian.Config, weights int64) error {
		return memory.Ask(weights+model.MergeMemory(c), fmt.Sprintf("merging with %s, of %s parameters, needs", args[0], commas(c.Ledger().Total())), "take a smaller model, or free some")
	}
	if base, err = openModel(ctx, args[0], true, model.Options{Room: room, Frozen: true}, stderr); err != nil {
		return nil, nil, err
	}
	if base.Adapter != nil {
		return nil, nil, usagef("%s, the base, holds an adapter itself: merge that first", args[0])
	}
	if a, err = openAdapter(ctx, args[1], base, t.newest, stderr); err != nil {
		return nil, nil, err
	}
	if other := (*model.OtherBaseError)(nil); !t.anyBase && errors.As(a.Check(base), &other) {
		return nil, nil, usagef("%s was trained beside other weights than those of %s: it recorded SHA-256 %.12s, and they have %.12s: give its own base, or --any-base to merge all the same", args[1], args[0], other.Recorded, other.Have)
	}
	return base, a, nil
}

func (t *mergeCommand) report(m *model.Merged, base *model.Model, a *model.Adapter, args []string, stdout io.Writer) error {
	adapter, recorded, sum := base.Adapter, "", ""
	var notes []string
	if a == nil {
		recorded = base.Checkpoint.Base.SHA256
		sum = recorded // compared when the base was attached
	} else {
		adapter, recorded, sum = a.Adapter.Adapter, a.BaseSHA256, base.Digest()
	}
	if !m.Params.Config.Tied && base.Params.Config.Tied {
		notes = append(notes, "The logits have a matrix of their own now: the adapter changed them, and not the embedding that they were tied to.")
	}
	if m.Unchanged {
		notes = append(notes, "The adapter changes nothing: the merged weights are the base's, to the last bit. Was it trained?")
	}
	if a != nil {
		notes = append(notes, a.Notes...)
	}
	notes = append(append(notes, m.Notes...), m.Ends()...)
	compared := "as the adapter recorded"
	switch recorded {
	case "":
		compared = "the adapter recorded none"
	case sum:
	default:
		compared = fmt.Sprintf("the adapter recorded %.12s", recorded)
	}
	if t.json {
		return writeJSON(stdout, map[string]any{
			"base": base.Path, "base_sha256": sum, "recorded_sha256": recorded, "adapter": args[len(args)-1],
			"adapter_config": adapter.Config, "adapter_parameters": adapter.Count(), "difference": m.Difference, "largest_logit": m.Largest,
			"limit": model.MergeLimit, "format": t.format, "dtype": t.dtype, "out": t.out, "notes": notes,
		})
	}
	fmt.Fprintf(stdout, "base     %s: %s, SHA-256 of its weights %.12s, %s\n", base.Path, base.Kind, sum, compared)
	fmt.Fprintf(stdout, "adapter  %s: %s\n", args[len(args)-1], aboutAdapter(adapter))
	fmt.Fprintf(stdout, "merged   logits as those of base and adapter: they differ by at most %.1e, of logits up to %s (limit %.0e of that)\n", m.Difference, three(m.Largest), model.MergeLimit)
	for _, note := range notes {
		fmt.Fprintf(stdout, "         %s\n", note)
	}
	next := "pedestrian sample " + shellQuote(t.out)
	if t.format == "hf" {
		next += fmt.Sprintf("; in Python: transformers.AutoModelForCausalLM.from_pretrained(%q)", t.out)
	}
	fmt.Fprintf(stdout, "written  %s; next: %s\n", t.out, next)
	return nil
}
