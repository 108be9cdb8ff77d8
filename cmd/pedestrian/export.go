package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/hub"
	"github.com/pedestrian-ml/pedestrian/model"
	"github.com/pedestrian-ml/pedestrian/safetensors"
)

// An exportCommand holds the flags of export.
type exportCommand struct {
	format, dtype, out, tokenizer, shard, base string
	newest, json                               bool
}

// exportTypes are what --dtype may say.
var exportTypes = map[string]safetensors.DType{"f32": safetensors.F32, "f16": safetensors.F16, "bf16": safetensors.BF16, "f64": safetensors.F64}

func newExportCmd() *cobra.Command {
	var t exportCommand
	cmd := &cobra.Command{
		Use:   "export [MODEL]",
		Short: "Write a network for transformers, nanoGPT, llm.c or llama.cpp, or an adapter for PEFT",
		Long: `Writes a network in the format of another program:

  hf       transformers' GPT2LMHeadModel: config.json, generation_config.json,
           model.safetensors or its shards, the tokenizer's files
  nanogpt  the state dictionary of nanoGPT's GPT, in safetensors, and model_args.json
  llmc     model.bin of llm.c (f32 or bf16) and tokenizer.bin
  gguf     one file for llama.cpp, with the tokenizer; f32, f16, bf16 or q8_0
  peft     the adapter of a run of "pedestrian finetune", for Hugging Face's PEFT

The network computes the same function there as here. If the format cannot express it,
the export is refused with the reason. Numbers are rounded to the nearest of the type.
An adapter can be exported alone to peft, and in f32 to gguf; for the other formats
merge it first with "pedestrian merge". Without a model: the latest run in runs/.

You will see what was written, and the code that loads it.`,
		Example: "  pedestrian export runs/story-1 --format hf --out story-hf\n  pedestrian export runs/story-1 --format hf --dtype bf16 --max-shard 2GB --out story-hf\n  pedestrian export ./gpt2 --format llmc --out gpt2-llmc\n  pedestrian export runs/finetune-1 --format peft --out lora\n  pedestrian export ./gpt2 --format gguf --dtype q8_0 --out gpt2.gguf",
		Args:    atMostOneModel,
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.run(cmd.Context(), args, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&t.format, "format", string(hub.HuggingFace), "hf, nanogpt, llmc, gguf or peft")
	f.StringVar(&t.dtype, "dtype", "f32", "f32, f16, bf16 or f64; in gguf also q8_0, not f64")
	f.StringVar(&t.out, "out", "", "the directory to write; of gguf, the file")
	f.StringVar(&t.shard, "max-shard", "", "with hf: begin another file of weights beyond this size, such as 500MB")
	f.StringVar(&t.tokenizer, "tokenizer", "", "gpt2, bytes, or a tokenizer's path, in the place of the model's own")
	f.StringVar(&t.base, "base", "", "of an adapter of PEFT or in GGUF: the network that it stands beside")
	f.BoolVar(&t.newest, "newest", false, "of a run, the newest checkpoint instead of the best")
	f.BoolVar(&t.json, "json", false, "print one JSON object")
	return cmd
}

func (t *exportCommand) run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if t.format == formatGGUF || t.format == formatPEFT {
		return t.other(ctx, args, stdout, stderr)
	}
	d, ok := exportTypes[t.dtype]
	if !ok {
		return usagef("--dtype is %q: choose f32, f16, bf16 or f64", t.dtype)
	}
	if t.out == "" {
		return usagef("--out is missing: name the directory to write")
	}
	if !slices.Contains(hub.Formats, hub.Format(t.format)) {
		return usagef("--format is %q: choose hf, nanogpt, llmc, gguf or peft", t.format)
	}
	if t.base != "" {
		return usagef("--base is for --format gguf: for %s, merge an adapter into its base first, with \"pedestrian merge\"", t.format)
	}
	o := hub.SaveOptions{DType: d}
	var err error
	if t.shard != "" {
		if o.MaxShard, err = parseSize(t.shard); err != nil {
			return usagef("--max-shard is %q: %w", t.shard, err)
		}
		if t.format != string(hub.HuggingFace) {
			return usagef("--max-shard is for --format hf: the others are one file")
		}
	}
	path, err := orLatest(args)
	if err != nil {
		return err
	}
	m, err := openModel(ctx, path, false, model.Options{Newest: t.newest, Tokenizer: t.tokenizer}, stderr)
	if err != nil {
		return err
	}
	if m.Adapter != nil {
		return usagef("%s holds an adapter beside its base: merge them first, with \"pedestrian merge %s\"", path, shellQuote(path))
	}
	if m.Checkpoint != nil {
		o.Dropout = m.Checkpoint.Options.Dropout
	}
	h := m.Export()
	if d == safetensors.F64 && (m.Kind == model.KindDirectory || m.Kind == model.KindCached) {
		err = exportWide(m, h, t, o)
	} else {
		err = save(t, h, o)
	}
	if err != nil {
		return mistake(err)
	}
	if hub.Format(t.format) != hub.HuggingFace && hub.Standard(m.Params.Config) != m.Params.Config {
		m.Notes = append(m.Notes, hub.FoldNote)
	}
	return t.report(m, stdout)
}

// exportWide writes weights that are kept in float64 without rounding them on the way.
func exportWide(m *model.Model, h *hub.Model[float32], t *exportCommand, o hub.SaveOptions) error {
	d, err := hub.Open(m.Path)
	if err != nil {
		return err
	}
	defer d.Close()
	wide, err := hub.Load[float64](d, hub.LoadOptions{})
	if err != nil {
		return err
	}
	wide.Tokenizer, wide.EOS, wide.BOS = h.Tokenizer, h.EOS, h.BOS
	return save(t, wide, o)
}

// save writes h as --format says.
func save[T pedestrian.Float](t *exportCommand, h *hub.Model[T], o hub.SaveOptions) error {
	switch hub.Format(t.format) {
	case hub.NanoGPT:
		return hub.SaveNanoGPT(t.out, h, o)
	case hub.LLMC:
		return hub.SaveLLMC(t.out, h, o)
	}
	return hub.SaveHuggingFace(t.out, h, o)
}

// report says what was written, and how it is loaded.
func (t *exportCommand) report(m *model.Model, stdout io.Writer) error {
	type entry struct {
		Name  string `json:"name"`
		Bytes int64  `json:"bytes"`
	}
	var files []entry
	list, err := os.ReadDir(t.out)
	if err != nil {
		return err
	}
	for _, e := range list {
		info, err := e.Info()
		if err != nil {
			return err
		}
		files = append(files, entry{e.Name(), info.Size()})
	}
	if t.json {
		return writeJSON(stdout, map[string]any{"kind": m.Kind, "from": m.Path, "format": t.format, "dtype": t.dtype, "out": t.out, "parameters": m.Params.Config.Ledger().Total(), "files": files, "notes": append(m.Notes, m.Ends()...)})
	}
	fmt.Fprintf(stdout, "%s: %s, %s parameters as %s\n", m.Path, m.Kind, commas(m.Params.Config.Ledger().Total()), t.dtype)
	for _, note := range append(m.Notes, m.Ends()...) {
		fmt.Fprintln(stdout, note)
	}
	for _, f := range files {
		fmt.Fprintf(stdout, "  %-40s %s bytes\n", filepath.Join(t.out, f.Name), commas(int(f.Bytes)))
	}
	fmt.Fprintln(stdout, t.loads(m.Params.Config))
	return nil
}

// loads are the lines that load what was written.
func (t *exportCommand) loads(c pedestrian.Config) string {
	switch hub.Format(t.format) {
	case hub.NanoGPT:
		return fmt.Sprintf(`In nanoGPT:
  import json; from safetensors.torch import load_file; from model import GPT, GPTConfig
  model = GPT(GPTConfig(**json.load(open(%[1]q)))); model.load_state_dict(load_file(%[2]q))`, filepath.Join(t.out, "model_args.json"), filepath.Join(t.out, "model.safetensors"))
	case hub.LLMC:
		return "In llm.c: gpt2_build_from_checkpoint(&model, " + strconv.Quote(filepath.Join(t.out, "model.bin")) + ")"
	}
	return "In Python: transformers.AutoModelForCausalLM.from_pretrained(" + strconv.Quote(t.out) + ")"
}

// parseSize reads a number of bytes such as 500MB; units are powers of ten.
func parseSize(s string) (int64, error) {
	units := []struct {
		name string
		n    float64
	}{{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1}, {"", 1}}
	for _, u := range units {
		digits, ok := strings.CutSuffix(strings.ToUpper(s), u.name)
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
		if err != nil || !(v*u.n >= 1 && v*u.n <= 1e18) {
			break
		}
		return int64(v * u.n), nil
	}
	return 0, errors.New("give a number of bytes, such as 500MB or 2GB")
}
