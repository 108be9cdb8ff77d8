package hub

import (
	"fmt"
	"io"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/safetensors"
)

// nanoArgs is the file with the arguments of nanoGPT's GPTConfig.
const nanoArgs = "model_args.json"

// SaveNanoGPT writes m as a new directory for nanoGPT. model.safetensors is the state
// dictionary of its class GPT: the matrices of a block are output×input, as nn.Linear has
// them, and the head is written although it is tied to the token embedding.
// model_args.json has the arguments of GPTConfig. If nanoGPT cannot compute the same
// function as m, nothing is written, and the error says why.
func SaveNanoGPT[T pedestrian.Float](path string, m *Model[T], o SaveOptions) error {
	if o.DType == "" {
		o.DType = safetensors.F32
	}
	if torchNames[o.DType] == "" {
		return fmt.Errorf("writing %s: numbers of type %q: choose F32, F16, BF16 or F64", path, o.DType)
	}
	if err := checkFormat(NanoGPT, m.Params); err != nil {
		return err
	}
	c := m.Params.Config
	var es []safetensors.Entry[T]
	folded := Folded(m.Params)
	for _, s := range slotsOf(c) {
		if t := folded.Tensor(s.Name); t.Exists() { // without biases, nanoGPT's dictionary has none either
			es = append(es, entry(s, t, s.transposed(false), o.DType))
		}
	}
	es = append(es, safetensors.Entry[T]{Name: lmHead, DType: o.DType, Shape: []int{c.Vocab, c.Width}, Data: m.Params.Tok.Widened()})
	safetensors.Sort(es)
	tok, err := tokenizerFiles(m.Tokenizer, c.Context)
	if err != nil {
		return err
	}
	args := jsonText(asInt("n_layer", c.Blocks), asInt("n_head", c.Heads), asInt("n_embd", c.Width), asInt("block_size", c.Context),
		asBool("bias", c.Bias), asInt("vocab_size", c.Vocab), asFloat("dropout", o.Dropout))
	return durable.WriteFolder(path, append([]durable.File{textFile(nanoArgs, args), {Name: weightsFile, Write: func(w io.Writer) error {
		return safetensors.Write(w, map[string]string{"format": "pt", "layout": "nanogpt"}, es)
	}}}, tok...))
}
