package hub

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian"
)

// A Format is a format of other programs in which a GPT can be written.
type Format string

const (
	HuggingFace Format = "hf"      // a directory for transformers
	NanoGPT     Format = "nanogpt" // safetensors with the names and the layout of nanoGPT
	LLMC        Format = "llmc"    // a model file of llm.c
)

// Formats lists the formats that models are written in.
var Formats = []Format{HuggingFace, NanoGPT, LLMC}

// gptEps is ε of the layer norms in nanoGPT and llm.c. Their files cannot change it.
const gptEps = 1e-5

// checkFormat returns an error of one line if the format cannot hold p. If it returns nil, the
// other program computes the same function from the file as this module.
func checkFormat[T pedestrian.Float](f Format, p *pedestrian.Params[T]) error {
	c, kin := p.Config, familyOf(p.Config)
	title := map[Format]string{HuggingFace: kin.title + " of transformers", NanoGPT: "nanoGPT", LLMC: "llm.c"}[f]
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%s cannot hold this network: %w", title, fmt.Errorf(format, args...))
	}
	if err := kin.holds(c); err != nil {
		return refuse("%w", err)
	}
	if kin != &gpt2 && f != HuggingFace {
		return refuse("it is of the Llama family, and there a network is a GPT-2")
	}
	for _, v := range p.Logits.B.V {
		if v != 0 {
			return refuse("its logits have a bias (logits_bias), and there they have none")
		}
	}
	for _, t := range p.Tensors() {
		if !kin.hasPlace(t.Slot) && t.Layer != headLayer {
			return refuse("it has %s, and there is no such parameter", t.Name)
		}
		for _, v := range t.Widened() {
			if v-v != 0 {
				return fmt.Errorf("%s holds %g: a network that is broken is not handed on", t.Name, v)
			}
		}
	}
	if f == HuggingFace {
		return nil
	}
	if !c.Tied {
		return refuse("the matrix of its logits is not that of its token embedding, and there they are one")
	}
	if c.Eps != gptEps {
		return refuse("eps is %g, and there it is always %g", c.Eps, gptEps)
	}
	if c.HiddenDim() != 4*c.Width {
		return refuse("hidden is %d, and there it is always four times the width, %d", c.HiddenDim(), 4*c.Width)
	}
	want := map[Format]pedestrian.Activation{NanoGPT: pedestrian.GELU, LLMC: pedestrian.GELUTanh}[f]
	if c.Activation != want {
		return refuse("its activation is %s, and there it is always %s: the logits would differ", c.Activation, want)
	}
	return nil
}
