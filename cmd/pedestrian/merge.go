package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/hub"
	"github.com/pedestrian-ml/pedestrian/internal/memory"
	"github.com/pedestrian-ml/pedestrian/safetensors"
	"github.com/pedestrian-ml/pedestrian/train"
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
		Long: `Adds an adapter to the weights that it stands beside, and writes the network that
computes alone what the two computed together. ADAPTER is a run of "pedestrian
finetune" or one of its checkpoints, an adapter directory of PEFT, or the name of one
on the Hugging Face hub. A run knows its BASE; beside another adapter, name it: a
directory of Hugging Face, its name on the hub, or a run.

Before anything is written: the base's weights are those that the adapter recorded
(SHA-256; --any-base passes over that), every number is finite, and the logits of the
merged network are those of base and adapter, over 128 tokens or twice the context
where that is less, to 1e-4 of the largest.

You will see the base, the adapter, the difference, and where it was written.`,
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

// mergeLimit is how far logits of the merged network may be from those of base and
// adapter, in parts of the largest: float32, through all layers.
const mergeLimit = 1e-4

// A merged is the network that merge made, and what it knows about it.
type merged struct {
	base       *model
	adapter    *hub.Adapter
	params     *pedestrian.Params[float32]
	sha256     string // of the base
	difference float64
	largest    float64
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
	m, err := t.load(ctx, args, stderr)
	if err != nil {
		return err
	}
	if err := m.merge(); err != nil {
		return err
	}
	out := *m.base
	out.Params, out.Adapter, out.Checkpoint = m.params, nil, nil
	switch {
	case t.format == "run" && out.Tokenizer == nil:
		return usagef("%s has no tokenizer, and a run has one: merge with --format hf", out.Path)
	case t.format == "run":
		_, err = writeRun(&out, t.out)
	default:
		err = mistake(hub.SaveHuggingFace(t.out, out.hub(), hub.SaveOptions{DType: dtype}))
	}
	if err != nil {
		return err
	}
	return t.report(m, args, stdout)
}

// load opens the base and the adapter beside it.
func (t *mergeCommand) load(ctx context.Context, args []string, stderr io.Writer) (m *merged, err error) {
	m = &merged{}
	if len(args) == 1 {
		if isPEFT(args[0]) {
			return nil, usagef("%s is an adapter of PEFT: name its base before it", args[0])
		}
		if m.base, err = openModel(ctx, args[0], modelOptions{newest: t.newest}, stderr); err != nil {
			return nil, err
		}
		if m.base.Adapter == nil {
			return nil, usagef("%s holds no adapter: name a run of \"pedestrian finetune\", or a base and an adapter", args[0])
		}
		m.adapter = runAdapter(m.base)
		m.sha256 = m.adapter.BaseSHA256 // compared when the base was attached
		return m, nil
	}
	room := func(c pedestrian.Config) error { return mergeRoom(args[0], c, 2) }
	if m.base, err = openModel(ctx, args[0], modelOptions{fetch: true, room: room}, stderr); err != nil {
		return nil, err
	}
	if m.base.Adapter != nil {
		return nil, usagef("%s, the base, holds an adapter itself: merge that first", args[0])
	}
	var run *train.Checkpoint
	if m.adapter, run, err = openAdapter(ctx, args[1], m.base, t.newest, stderr); err != nil {
		return nil, err
	}
	if run != nil && m.base.Tokenizer != nil {
		m.base.Notes = nil
		m.base.learnt(run)
	}
	if m.sha256 = m.base.sha256(); m.adapter.Tokenizer != nil && len(m.adapter.Config.Tokens) > 0 {
		m.base.read(m.adapter.Tokenizer)
	}
	if recorded := m.adapter.BaseSHA256; recorded != "" && recorded != m.sha256 && !t.anyBase {
		return nil, usagef("%s was trained beside other weights than those of %s: it recorded SHA-256 %.12s, and they have %.12s: give its own base, or --any-base to merge all the same", args[1], args[0], recorded, m.sha256)
	}
	return m, nil
}

// merge adds the adapter to the base and compares.
func (m *merged) merge() error {
	if err := errors.Join(finite("the base's", m.base.Params.Tensors()), finite("the adapter's", m.adapter.Tensors())); err != nil {
		return err
	}
	if err := mergeRoom(m.base.Path, m.base.Params.Config, 1); err != nil {
		return err
	}
	m.params = engine.Merge(m.base.Params, m.adapter.Adapter)
	if err := finite("the merged", m.params.Tensors()); err != nil {
		return err
	}
	beside := someLogits(m.base.Params, m.adapter.Adapter)
	for i, x := range someLogits(m.params, nil) {
		m.difference = math.Max(m.difference, math.Abs(float64(x)-float64(beside[i])))
		m.largest = math.Max(m.largest, math.Abs(float64(beside[i])))
	}
	if !(m.difference <= mergeLimit*math.Max(1, m.largest)) {
		return fmt.Errorf("the logits of the merged network differ from those of base and adapter by %.3g, of logits up to %.3g: nothing was written", m.difference, m.largest)
	}
	return nil
}

// unchanged says whether the merged weights are those of the base.
func (m *merged) unchanged() bool {
	own := map[string][]float32{}
	for _, t := range m.base.Params.Tensors() {
		own[t.Name] = t.V
	}
	for _, t := range m.params.Tensors() {
		if before, there := own[t.Name]; there && !slices.Equal(t.V, before) {
			return false
		}
	}
	for _, x := range m.adapter.Logits.Up.V { // beside logits that were tied to the embedding
		if x != 0 {
			return false
		}
	}
	return true
}

// mergeRoom asks for so many networks of configuration c, and for logits to compare.
func mergeRoom(path string, c pedestrian.Config, networks int64) error {
	const logits = 4 * 128 * 4 // of base with adapter, of the merged network, and while they are computed
	need := 4*networks*int64(c.Ledger().Total()) + logits*int64(c.Vocab)
	return memory.Ask(need, fmt.Sprintf("merging with %s, of %s parameters, needs", path, commas(c.Ledger().Total())), "take a smaller model, or free some")
}

func finite(what string, ts []pedestrian.Tensor[float32]) error {
	for _, t := range ts {
		for _, v := range t.V {
			if v-v != 0 {
				return fmt.Errorf("%s %s holds %g: nothing was written", what, t.Name, v)
			}
		}
	}
	return nil
}

// someLogits are the logits of p, with l beside it, after each of 128 tokens from all
// of the vocabulary; of fewer, twice the context, where it is shorter than 64.
func someLogits(p *pedestrian.Params[float32], l *pedestrian.Adapter[float32]) []float32 {
	n := min(p.Config.Context, 64)
	b := engine.Batch{B: 2, T: n, Tokens: make([]int32, 2*n)}
	for i := range b.Tokens {
		b.Tokens[i] = int32(uint64(i+1) * 2654435761 % uint64(p.Config.Vocab))
	}
	net := engine.New(p, l, engine.Options{Batch: 2, Context: n})
	defer net.Close()
	out := engine.NewMat[float32](2*n, p.Config.Vocab)
	net.Logits(out, b)
	return out.V
}

func (t *mergeCommand) report(m *merged, args []string, stdout io.Writer) error {
	var notes []string
	if !m.params.Config.Tied && m.base.Params.Config.Tied {
		notes = append(notes, "The logits have a matrix of their own now: the adapter changed them, and not the embedding that they were tied to.")
	}
	if m.unchanged() {
		notes = append(notes, "The adapter changes nothing: the merged weights are the base's, to the last bit. Was it trained?")
	}
	notes = append(append(append(notes, m.adapter.Notes...), m.base.Notes...), m.base.ends()...)
	recorded := "as the adapter recorded"
	switch {
	case m.adapter.BaseSHA256 == "":
		recorded = "the adapter recorded none"
	case m.adapter.BaseSHA256 != m.sha256:
		recorded = fmt.Sprintf("the adapter recorded %.12s", m.adapter.BaseSHA256)
	}
	if t.json {
		return writeJSON(stdout, map[string]any{
			"base": m.base.Path, "base_sha256": m.sha256, "recorded_sha256": m.adapter.BaseSHA256, "adapter": args[len(args)-1],
			"adapter_config": m.adapter.Config, "adapter_parameters": m.adapter.Count(), "difference": m.difference, "largest_logit": m.largest,
			"limit": mergeLimit, "format": t.format, "dtype": t.dtype, "out": t.out, "notes": notes,
		})
	}
	fmt.Fprintf(stdout, "base     %s: %s, SHA-256 of its weights %.12s, %s\n", m.base.Path, m.base.Kind, m.sha256, recorded)
	fmt.Fprintf(stdout, "adapter  %s: %s\n", args[len(args)-1], aboutAdapter(m.adapter))
	fmt.Fprintf(stdout, "merged   logits as those of base and adapter: they differ by at most %.1e, of logits up to %s (limit %.0e of that)\n", m.difference, three(m.largest), mergeLimit)
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
