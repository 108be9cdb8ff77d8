package studio

import (
	_ "embed"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/pedestrian-ml/pedestrian"
)

// lesson is a network that is small enough to be read, and was trained so that attention
// means something: in its second head a word looks back at the animal of the sentence.
// Six tokens, d = 8, two heads, one block, twelve words.
var lesson = Model{
	Name: "lesson", Title: "lesson model",
	Words: []string{"the", "a", "cat", "dog", "sat", "ran", "on", "to", "mat", "door", "and", "."},
	Config: pedestrian.Config{Vocab: 12, Context: 6, Width: 8, Heads: 2, Blocks: 1,
		Activation: pedestrian.GELU, Eps: 1e-5, Bias: true, LogitsBias: true},
	Tokens: []int{0, 2, 4, 6, 0, 8}, Targets: []int{2, 4, 6, 0, 8, 11},
}

func init() {
	lesson.Params = func(State) (*pedestrian.Params[float64], error) {
		p := pedestrian.NewParams[float64](lesson.Config)
		at := 0
		for _, t := range p.Tensors() {
			for i := range t.V {
				t.V[i] = math.Float64frombits(binary.LittleEndian.Uint64(lessonWeights[at:]))
				at += 8
			}
		}
		return p, nil
	}
}

// lessonWeights are its parameters in the order of the slots, float64, little endian: what 220
// steps of Adam made of the sentences of the lesson. TestLesson trains them again.
//
//go:embed lesson.f64
var lessonWeights []byte

// drawn are random parameters: gains around one, all else around zero.
func drawn(c pedestrian.Config, seed uint64) *pedestrian.Params[float64] {
	p := pedestrian.NewParams[float64](c)
	r := rand.New(rand.NewPCG(seed, seed))
	for _, t := range p.Tensors() {
		mean, deviation := 0.0, 0.3
		if t.Role == pedestrian.Gain {
			mean, deviation = 1, 0.1
		} else if strings.HasPrefix(t.Layer, "ln") {
			deviation = 0.1
		}
		for i := range t.V {
			t.V[i] = mean + deviation*r.NormFloat64()
		}
	}
	return p
}
