package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/model"
	"github.com/pedestrian-ml/pedestrian/train"
)

func newImportCmd() *cobra.Command {
	var out, tokenizer string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "import MODEL",
		Short: "Make a run directory of a model that was trained elsewhere",
		Long: `Reads a model directory of Hugging Face (config.json, model.safetensors or its
shards, the tokenizer), a model in its cache by name, or a model file of GGUF (f32, f16, bf16
or q8_0) or llm.c, and writes it as a run directory with one checkpoint. Most commands
read such models directly and need no import. A run directory has digests of its files,
and its numbers are float32.

You will see what was read, what was assumed, and where it was written.`,
		Example: "  pedestrian import ./gpt2 --out runs/gpt2\n  pedestrian import gpt2_124M.bin --out runs/gpt2\n  pedestrian import gpt2.gguf --out runs/gpt2\n  pedestrian sample runs/gpt2 --prompt \"Once upon a time\"",
		Args:    oneModel,
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usagef("--out is missing: name the run directory to write, such as --out runs/gpt2")
			}
			return runImport(cmd.Context(), args[0], out, tokenizer, asJSON, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&out, "out", "", "the run directory to write")
	f.StringVar(&tokenizer, "tokenizer", "", "gpt2, bytes, or a tokenizer's path, in the place of the model's own")
	f.BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// oneModel is for commands that take one model.
func oneModel(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usagef("%s takes one model, not %d: see \"%s --help\"", cmd.Name(), len(args), cmd.CommandPath())
	}
	return nil
}

// atMostOneModel is for commands that take the latest run where no model is named.
func atMostOneModel(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return oneModel(cmd, args)
}

func runImport(ctx context.Context, path, out, tokenizer string, asJSON bool, stdout, stderr io.Writer) error {
	m, err := openModel(ctx, path, false, model.Options{Tokenizer: tokenizer}, stderr)
	if err != nil {
		return err
	}
	if m.Checkpoint != nil {
		return usagef("%s is a %s of pedestrian already", path, m.Kind)
	}
	if m.Tokenizer == nil {
		return usagef("%s has no tokenizer, and a run has one: name it with --tokenizer", path)
	}
	if entries, err := train.Checkpoints(out); err == nil && len(entries) > 0 {
		return usagef("%s holds a run already: choose another directory", out)
	}
	dir, err := m.SaveRun(out)
	if err != nil {
		return err
	}
	config := m.Params.Config
	if asJSON {
		return writeJSON(stdout, map[string]any{"kind": m.Kind, "from": m.Path, "name": m.Name, "checkpoint": dir, "network": config,
			"parameters": config.Ledger().Total(), "sha256": train.Digest(m.Params), "tokenizer": m.Tokenizer.Kind(), "tokens": m.Tokenizer.Vocab(), "notes": m.Notes})
	}
	fmt.Fprintf(stdout, "%s: %s\n", m.Path, m.Kind)
	for _, line := range describe(config) {
		fmt.Fprintln(stdout, "  "+line)
	}
	for _, note := range m.Notes {
		fmt.Fprintln(stdout, "  "+note)
	}
	fmt.Fprintf(stdout, "Written as %s. Next: pedestrian sample %s\n", dir, shellQuote(out))
	return nil
}

// describe says what a network is, in a few lines.
func describe(c pedestrian.Config) []string {
	head := "the logits' matrix is the token embedding"
	if !c.Tied {
		head = "the logits have a matrix of their own"
	}
	bias := "biases"
	switch {
	case c.QKVBias && !c.AttProjBias && !c.MLPBias:
		bias = "biases of queries, keys and values"
	case !c.Bias && (c.QKVBias || c.AttProjBias || c.MLPBias):
		bias = "biases of some layers"
	case !c.Bias:
		bias = "no biases"
	}
	lines := []string{
		fmt.Sprintf("%s blocks of %s heads, width %s, hidden %s; %s tokens, context %s", commas(c.Blocks), commas(c.Heads), commas(c.Width), commas(c.HiddenDim()), commas(c.Vocab), commas(c.Context)),
		fmt.Sprintf("%s%s, eps %g, %s; %s", choices(c), c.Activation, c.Eps, bias, head),
		fmt.Sprintf("%s parameters", commas(c.Ledger().Total())),
	}
	switch {
	case c.Unscaled && c.ScaleByBlock:
		lines = append(lines, "scores are divided by i+1 in block i, from 0, and not by √d_h")
	case c.ScaleByBlock:
		lines = append(lines, "scores are divided by √d_h and, in block i from 0, by i+1")
	case c.Unscaled:
		lines = append(lines, "scores are not divided by √d_h")
	}
	return lines
}

// choices says in what a network differs from GPT-2, with what divides it from the rest of
// the line; "" for a GPT-2.
func choices(c pedestrian.Config) string {
	var all []string
	if c.Norm != pedestrian.LayerNorm {
		all = append(all, string(c.Norm))
	}
	switch r := c.Rotation.WithDefaults(c.QueryDim()); {
	case c.Positions == pedestrian.NoPositions:
		all = append(all, "no positions")
	case c.Positions == pedestrian.Rotary && r.Scaling != "":
		all = append(all, fmt.Sprintf("rotary positions of base %s, %s ×%g", strconv.FormatFloat(r.Base, 'f', -1, 64), r.Scaling, r.Factor))
	case c.Positions == pedestrian.Rotary:
		all = append(all, fmt.Sprintf("rotary positions of base %s", strconv.FormatFloat(r.Base, 'f', -1, 64)))
	}
	text := strings.Join(all, ", ")
	add := func(more string) {
		if text != "" {
			text += "; "
		}
		text += more
	}
	if n := c.KeyHeads(); n != c.Heads {
		add(fmt.Sprintf("%d %s of keys and values", n, plural(n, "head")))
	}
	if c.AttentionDim() != c.Width {
		add(fmt.Sprintf("heads of %d features", c.ValueDim()))
	}
	if c.QKNorm {
		add("norms of queries and keys")
	}
	if c.SlidingWindow > 0 {
		add(fmt.Sprintf("a window of %s tokens", commas(c.SlidingWindow)))
	}
	if text != "" {
		text += "; "
	}
	if c.Gated {
		return text + "gated "
	}
	return text
}
