package hub

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/safetensors"
)

// SaveOptions say how a model is written.
type SaveOptions struct {
	DType    safetensors.DType // F32 when empty, F16, BF16 or F64
	MaxShard int64             // largest size of a file of weights, in bytes; a larger tensor gets a file of its own; 0 means one file
	Dropout  float64           // the dropout probability in config.json, for further training
}

// torchNames are transformers' names of the types of weights.
var torchNames = map[safetensors.DType]string{safetensors.F32: "float32", safetensors.F16: "float16", safetensors.BF16: "bfloat16", safetensors.F64: "float64"}

// activationNames are transformers' names of our activations.
var activationNames = map[pedestrian.Activation]string{pedestrian.GELUTanh: "gelu_new", pedestrian.GELU: "gelu", pedestrian.ReLU: "relu", pedestrian.SiLU: "silu"}

// SaveHuggingFace writes m as a new directory that transformers reads as a
// GPT2LMHeadModel, or as a model of type llama, mistral, qwen2 or qwen3: config.json,
// generation_config.json, the weights, and the tokenizer's files if m has one. Biases that
// m does not have and GPT-2 has are written as zeros. If no such model computes the same
// function as m, nothing is written, and the error says why.
func SaveHuggingFace[T pedestrian.Float](path string, m *Model[T], o SaveOptions) error {
	if o.DType == "" {
		o.DType = safetensors.F32
	}
	if torchNames[o.DType] == "" {
		return fmt.Errorf("writing %s: numbers of type %q: choose F32, F16, BF16 or F64", path, o.DType)
	}
	if err := checkFormat(HuggingFace, m.Params); err != nil {
		return err
	}
	config, err := configText(m.Params.Config, m.EOS, m.BOS, o)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	files := []durable.File{
		textFile(configFile, config),
		textFile(generationFile, jsonText(asIDs("bos_token_id", m.BOS), asIDs("eos_token_id", m.EOS))),
	}
	tok, err := tokenizerFiles(m.Tokenizer, m.Params.Config.Context)
	if err != nil {
		return err
	}
	files = append(append(files, tok...), weightFiles(entries(m.Params, o.DType), o.MaxShard)...)
	return durable.WriteFolder(path, files)
}

// entries returns the tensors of model.safetensors, in its order.
func entries[T pedestrian.Float](p *pedestrian.Params[T], d safetensors.DType) []safetensors.Entry[T] {
	var es []safetensors.Entry[T]
	for _, s := range slotsOf(p.Config) {
		e := entry(s, p.Tensor(s.Name), s.transposed(true), d)
		if e.Data == nil && e.Make == nil {
			e.Make = func() []T { return make([]T, e.Len()) }
		}
		es = append(es, e)
	}
	safetensors.Sort(es)
	return es
}

// entry returns one tensor of a file. It has no data if t has none.
func entry[T pedestrian.Float](s slot, t pedestrian.Tensor[T], isTransposed bool, d safetensors.DType) safetensors.Entry[T] {
	e, w := safetensors.Entry[T]{Name: s.full(), DType: d, Shape: s.shape(isTransposed)}, viewOf(s, t)
	if isTransposed {
		e.Make = w.transposed
	} else {
		e.Data = w.contiguous()
	}
	return e
}

// transposed returns the transpose of t in new memory.
func transposed[T pedestrian.Float](t pedestrian.Tensor[T]) []T {
	return view[T]{v: t.Widened(), rows: t.Rows, cols: t.Cols, stride: t.Cols}.transposed()
}

// transpose sets dst, cols×rows, to the transpose of src, rows×cols.
func transpose[T pedestrian.Float](dst, src []T, rows, cols int) {
	view[T]{v: dst, rows: cols, cols: rows, stride: rows}.put(0, src)
}

// weightFiles returns the files that hold the entries: one file, or an index and shards of
// at most most bytes.
func weightFiles[T pedestrian.Float](es []safetensors.Entry[T], most int64) []durable.File {
	metadata := map[string]string{"format": "pt"}
	part := func(name string, es []safetensors.Entry[T]) durable.File {
		return durable.File{Name: name, Write: func(w io.Writer) error { return safetensors.Write(w, metadata, es) }}
	}
	size := func(e safetensors.Entry[T]) int64 { return int64(e.Len()) * int64(e.DType.Bits()/8) }
	var shards [][]safetensors.Entry[T]
	total, filled, numbers := int64(0), int64(0), 0
	for _, e := range es {
		if len(shards) == 0 || most > 0 && filled > 0 && filled+size(e) > most {
			shards, filled = append(shards, nil), 0
		}
		last := len(shards) - 1
		shards[last] = append(shards[last], e)
		filled, total, numbers = filled+size(e), total+size(e), numbers+e.Len()
	}
	if len(shards) == 1 {
		return []durable.File{part(weightsFile, es)}
	}
	var files []durable.File
	places := map[string]string{}
	for i, es := range shards {
		name := fmt.Sprintf("model-%05d-of-%05d%s", i+1, len(shards), weightsSuffix)
		files = append(files, part(name, es))
		for _, e := range es {
			places[e.Name] = name
		}
	}
	index, err := json.MarshalIndent(map[string]any{
		"metadata":   map[string]any{"total_parameters": numbers, "total_size": total},
		"weight_map": places,
	}, "", "  ")
	if err != nil {
		panic("hub: " + err.Error())
	}
	return append(files, textFile(indexFile, string(index)+"\n"))
}

// textFile returns a file with the given content.
func textFile(name, content string) durable.File {
	return durable.File{Name: name, Write: func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	}}
}

// A member is one member of a JSON object; value is JSON.
type member struct{ key, value string }

// jsonText returns a JSON object with one member per line, in the given order.
func jsonText(members ...member) string {
	var b strings.Builder
	for i, m := range members {
		b.WriteString(map[bool]string{true: "{\n", false: ",\n"}[i == 0])
		fmt.Fprintf(&b, "  %s: %s", quote(m.key), m.value)
	}
	return b.String() + "\n}\n"
}

func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic("hub: " + err.Error())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// asIDs returns a member whose value is a token, a list of tokens, or null if there is none.
func asIDs(key string, ids []int32) member {
	switch len(ids) {
	case 0:
		return member{key, "null"}
	case 1:
		return member{key, strconv.Itoa(int(ids[0]))}
	}
	var s []string
	for _, id := range ids {
		s = append(s, strconv.Itoa(int(id)))
	}
	return member{key, "[" + strings.Join(s, ", ") + "]"}
}

func asInt(key string, v int) member       { return member{key, strconv.Itoa(v)} }
func asBool(key string, v bool) member     { return member{key, strconv.FormatBool(v)} }
func asText(key, v string) member          { return member{key, quote(v)} }
func asFloat(key string, v float64) member { return member{key, decimal(v)} }

// decimal formats v with a point or an exponent, so that Python reads a float and not an
// int. The configurations of transformers 5 do not accept an int for a float.
func decimal(v float64) string {
	s := strconv.FormatFloat(v, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// configText returns the content of config.json. transformers has no n_ctx any more, but
// llama.cpp reads it. transformers before version 5 calls dtype torch_dtype.
func configText(c pedestrian.Config, eos, bos []int32, o SaveOptions) (string, error) {
	if familyOf(c) == &llama {
		return llamaConfigText(c, eos, bos, o)
	}
	inner := member{"n_inner", "null"}
	if c.HiddenDim() != 4*c.Width {
		inner = asInt("n_inner", c.HiddenDim())
	}
	return jsonText(
		member{"architectures", `["GPT2LMHeadModel"]`}, asText("model_type", "gpt2"),
		asInt("vocab_size", c.Vocab), asInt("n_positions", c.Context), asInt("n_ctx", c.Context), asInt("n_embd", c.Width), asInt("n_layer", c.Blocks), asInt("n_head", c.Heads), inner,
		asText("activation_function", activationNames[c.Activation]), asFloat("layer_norm_epsilon", c.Eps), asBool("tie_word_embeddings", c.Tied),
		asBool("scale_attn_weights", !c.Unscaled), asBool("scale_attn_by_inverse_layer_idx", c.ScaleByBlock), asBool("reorder_and_upcast_attn", false), asBool("add_cross_attention", false),
		asFloat("attn_pdrop", o.Dropout), asFloat("embd_pdrop", o.Dropout), asFloat("resid_pdrop", o.Dropout), asFloat("initializer_range", 0.02), asBool("use_cache", true),
		asIDs("bos_token_id", bos), asIDs("eos_token_id", eos), asText("dtype", torchNames[o.DType]), asText("torch_dtype", torchNames[o.DType]),
	), nil
}
