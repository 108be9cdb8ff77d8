package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/gguf"
	"github.com/pedestrian-ml/pedestrian/hub"
	"github.com/pedestrian-ml/pedestrian/model"
)

// The formats of export that hold adapters, too.
const (
	formatGGUF = "gguf"
	formatPEFT = "peft"
)

// ggufTypes are what --dtype may say with --format gguf.
var ggufTypes = map[string]gguf.Type{"f32": gguf.F32, "f16": gguf.F16, "bf16": gguf.BF16, "q8_0": gguf.Q8_0}

// other writes a GGUF file, of a network or of an adapter, or an adapter for PEFT.
func (t *exportCommand) other(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	kind, known := ggufTypes[t.dtype]
	switch {
	case t.format == formatGGUF && !known:
		return usagef("--dtype is %q: in GGUF choose f32, f16, bf16 or q8_0", t.dtype)
	case t.format == formatPEFT && t.dtype != "f32":
		return usagef("--dtype is %q: adapters are written in f32", t.dtype)
	case t.out == "":
		return usagef("--out is missing: name what to write")
	case t.shard != "":
		return usagef("--max-shard is for --format hf")
	case t.format == formatGGUF && !strings.HasSuffix(t.out, ".gguf"):
		return usagef("--out is %q: name a file that ends with .gguf", t.out)
	}
	path, err := orLatest(args)
	if err != nil {
		return err
	}
	m, a, base, err := t.source(ctx, path, stderr)
	if err != nil {
		return err
	}
	what, next := "network", fmt.Sprintf("llama-cli -m %s", shellQuote(t.out))
	count := base.Config.Ledger().Total()
	var notes []string
	switch {
	case a == nil && t.format == formatPEFT:
		return usagef("%s holds no adapter: --format peft writes those of \"pedestrian finetune\"", path)
	case a == nil:
		notes, err = hub.SaveGGUF(t.out, m.Export(), kind)
		notes = append(notes, append(m.Notes, m.Ends()...)...)
	case kind != gguf.F32:
		return usagef("--dtype is %q: adapters are written in f32", t.dtype)
	case t.format == formatGGUF:
		what, count, next = "adapter", a.Count(), fmt.Sprintf("llama-cli -m BASE.gguf --lora %s", shellQuote(t.out))
		err = hub.SaveAdapterGGUF(t.out, a)
	default:
		what, count, next = "adapter", a.Count(), fmt.Sprintf("in Python: peft.PeftModel.from_pretrained(base, %q)", t.out)
		err = hub.SaveAdapter(t.out, a, base)
	}
	if err != nil {
		return mistake(err)
	}
	size := sizeOf(t.out)
	if info, err := os.Stat(t.out); err == nil && info.Mode().IsRegular() {
		size = info.Size()
	}
	if t.json {
		return writeJSON(stdout, map[string]any{"kind": m.Kind, "from": path, "format": t.format, "dtype": t.dtype, "what": what, "out": t.out, "parameters": count, "bytes": size, "notes": notes})
	}
	fmt.Fprintf(stdout, "%s: %s of %s parameters as %s in %s, %s bytes\n", path, what, commas(count), t.dtype, t.out, commas(int(size)))
	for _, note := range notes {
		fmt.Fprintf(stdout, "  %s\n", note)
	}
	if what == "network" && !readsText(t.out) {
		next = "pedestrian inspect " + shellQuote(t.out) + "; llama-cli reads and writes no text without a tokenizer"
		if m.Tokenizer == nil {
			next = "export it again with --tokenizer, without which llama-cli reads and writes no text"
		}
	}
	fmt.Fprintf(stdout, "Next: %s\n", next)
	return nil
}

// readsText says whether the GGUF file at path has a tokenizer.
func readsText(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false
	}
	header, err := gguf.Read(f, info.Size())
	if err != nil {
		return false
	}
	model, ok := header.Lookup("tokenizer.ggml.model")
	return ok && model != "none"
}

// source opens a network, or an adapter and the base that it stands beside elsewhere.
func (t *exportCommand) source(ctx context.Context, path string, stderr io.Writer) (m *model.Model, a *hub.Adapter, base *pedestrian.Params[float32], err error) {
	_, missing := os.Stat(path)
	if named := t.base != "" && errors.Is(missing, fs.ErrNotExist); !named && !isAdapter(path) {
		if t.base != "" {
			return nil, nil, nil, usagef("--base is for an adapter of PEFT or in GGUF, and %s is none: a run knows its base", path)
		}
		if m, err = openModel(ctx, path, false, model.Options{Newest: t.newest, Tokenizer: t.tokenizer}, stderr); err != nil {
			return nil, nil, nil, err
		}
		a, base = m.ExportAdapter()
		return m, a, base, nil
	}
	if t.base == "" {
		return nil, nil, nil, usagef("%s is an adapter: name its base with --base", path)
	}
	if m, err = openModel(ctx, t.base, true, model.Options{}, stderr); err != nil {
		return nil, nil, nil, err
	}
	beside, err := openAdapter(ctx, path, m, t.newest, stderr)
	if err != nil {
		return nil, nil, nil, err
	}
	a, base = m.Unfold(beside.Adapter)
	return m, a, base, nil
}
