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
	MaxShard int64             // bytes of a file of weights, beyond which another is begun; 0 = one file
	Dropout  float64           // what config.json says for training on
}

// torchNames are what transformers calls the types of weights.
var torchNames = map[safetensors.DType]string{safetensors.F32: "float32", safetensors.F16: "float16", safetensors.BF16: "bfloat16", safetensors.F64: "float64"}

// activationNames are what transformers calls our activations.
var activationNames = map[pedestrian.Activation]string{pedestrian.GELUTanh: "gelu_new", pedestrian.GELU: "gelu", pedestrian.ReLU: "relu"}

// SaveHuggingFace writes m as a new directory that transformers reads as a
// GPT2LMHeadModel: config.json, generation_config.json, the weights, and the
// tokenizer's files where m has one. Biases that m does not have are written as
// zeros. A network that GPT-2 cannot express is an error that says why.
func SaveHuggingFace[T pedestrian.Float](path string, m *Model[T], o SaveOptions) error {
	if o.DType == "" {
		o.DType = safetensors.F32
	}
	if torchNames[o.DType] == "" {
		return fmt.Errorf("writing %s: numbers of type %q: choose F32, F16, BF16 or F64", path, o.DType)
	}
	if err := express(HuggingFace, m.Params); err != nil {
		return err
	}
	files := []durable.File{
		text(configFile, configText(m.Params.Config, m.EOS, m.BOS, o)),
		text(generationFile, jsonText(asIDs("bos_token_id", m.BOS), asIDs("eos_token_id", m.EOS))),
	}
	tok, err := tokenizerFiles(m.Tokenizer, m.Params.Config.Context)
	if err != nil {
		return err
	}
	files = append(append(files, tok...), weightFiles(entries(m.Params, o.DType), o.MaxShard)...)
	return durable.WriteFolder(path, files)
}

// entries are the tensors of a Hugging Face file.
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

// entry is one tensor of a file; without numbers if t has none.
func entry[T pedestrian.Float](s slot, t pedestrian.Tensor[T], turned bool, d safetensors.DType) safetensors.Entry[T] {
	e := safetensors.Entry[T]{Name: s.full(), DType: d, Shape: s.shape(turned), Data: t.V}
	if turned {
		e.Data, e.Make = nil, func() []T { return transposed(t) }
	}
	return e
}

// transposed is the transpose of a matrix, in new memory.
func transposed[T pedestrian.Float](t pedestrian.Tensor[T]) []T {
	out := make([]T, len(t.V))
	transpose(out, t.V, t.Rows, t.Cols)
	return out
}

// transpose sets dst, cols×rows, to the transpose of src, rows×cols.
func transpose[T pedestrian.Float](dst, src []T, rows, cols int) {
	for i := 0; i < rows; i += rowsAtOnce {
		last := min(i+rowsAtOnce, rows)
		for j := range cols {
			for k := i; k < last; k++ {
				dst[j*rows+k] = src[k*cols+j]
			}
		}
	}
}

// weightFiles are the files that hold the entries: one, or shards of at most most
// bytes with an index.
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
	return append(files, text(indexFile, string(index)+"\n"))
}

// text is a file of text.
func text(name, content string) durable.File {
	return durable.File{Name: name, Write: func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	}}
}

// A member is one line of an object in JSON.
type member struct{ key, value string }

// jsonText is a JSON object with its members in the order given, one a line.
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

// asIDs is a token, a list of several, or null.
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

// decimal writes a number so that Python reads a float: with a point or an exponent.
// The configurations of transformers 5 refuse a whole number in the place of a float.
func decimal(v float64) string {
	s := strconv.FormatFloat(v, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// configText is config.json. n_ctx is gone from transformers, and llama.cpp still
// reads it; torch_dtype is what versions before 5 call dtype.
func configText(c pedestrian.Config, eos, bos []int32, o SaveOptions) string {
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
	)
}
