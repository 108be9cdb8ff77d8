package gradcheck_test

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"path/filepath"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/internal/golden"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// A peftGolden is a training step's gradients as PEFT and autograd computed them in
// float64 (testdata/peft-gradients).
type peftGolden struct {
	Name     string
	Versions map[string]string
	Config   pedestrian.Config
	Adapter  pedestrian.AdapterConfig
	Batch    []paper.Sequence
	Loss     float64
	Params   map[string]string // float32, base64
	Values   map[string]string // of the adapter, float32
	Grads    map[string]string // float64
}

// numbers decodes little-endian numbers of that many bytes.
func numbers(t *testing.T, text string, size int) (v []float64) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	for ; len(b) >= size; b = b[size:] {
		if size == 4 {
			v = append(v, float64(math.Float32frombits(binary.LittleEndian.Uint32(b))))
		} else {
			v = append(v, math.Float64frombits(binary.LittleEndian.Uint64(b)))
		}
	}
	return v
}

func (g peftGolden) point(t *testing.T) gradcheck.Point {
	p := gradcheck.Point{Params: pedestrian.NewParams[float64](g.Config), LoRA: pedestrian.NewAdapter[float64](g.Config, g.Adapter)}
	p.Case = gradcheck.Case{Name: g.Name, Config: g.Config, Adapter: &g.Adapter, Batch: g.Batch, Reduction: paper.Mean}
	fill := func(ts []pedestrian.Tensor[float64], from map[string]string) {
		if len(ts) != len(from) {
			t.Errorf("%s: %d tensors here, %d there", g.Name, len(ts), len(from))
		}
		for _, x := range ts {
			if n := copy(x.V, numbers(t, from[x.Name], 4)); n != len(x.V) {
				t.Fatalf("%s: %s has %d numbers, not %d", g.Name, x.Name, n, len(x.V))
			}
		}
	}
	fill(p.Params.Tensors(), g.Params)
	fill(p.LoRA.Tensors(), g.Values)
	return p
}

func eachPEFT(t *testing.T, do func(t *testing.T, g peftGolden)) {
	paths, err := filepath.Glob(filepath.Join("..", "testdata", "peft-gradients", "*.json.gz"))
	if err != nil || len(paths) != 5 {
		t.Fatalf("%d goldens: %v", len(paths), err)
	}
	for _, path := range paths {
		var g peftGolden
		golden.Read(t, path, &g)
		t.Run(g.Name, func(t *testing.T) { do(t, g) })
	}
}

// away is the largest distance of a's gradients from PEFT's, relative to the largest
// number of each tensor. Key biases, whose gradient is zero here and rounding there,
// are measured against the whole bias.
func (g peftGolden) away(t *testing.T, a *pedestrian.Adapter[float64]) (worst float64, name string) {
	for _, x := range a.Tensors() {
		want := numbers(t, g.Grads[x.Name], 8)
		if len(want) != len(x.V) {
			t.Fatalf("%s: PEFT has %d numbers of %s, not %d", g.Name, len(want), x.Name, len(x.V))
		}
		largest := 0.0
		for _, v := range want {
			largest = max(largest, math.Abs(v))
		}
		for i, v := range want {
			if e := max(worst, math.Abs(v-x.V[i])/largest); e != worst { // and NaN stays
				worst, name = e, x.Name
			}
		}
	}
	return worst, name
}

// peftTolerance is the project's limit for gradients in float64.
const peftTolerance = 1e-10

// TestPEFT: LoRA with one and with several ranks, rank-stabilized, DoRA with the norm
// held, biases and norms: the gradients of a training step are PEFT's, in both
// implementations.
func TestPEFT(t *testing.T) {
	eachPEFT(t, func(t *testing.T, g peftGolden) {
		p := g.point(t)
		loss, back := paper.Network(nil, p.Params, p.LoRA, g.Batch, paper.Mean)
		_, dlora := back()
		inPaper, name := g.away(t, dlora)
		if !(math.Abs(loss-g.Loss) <= peftTolerance && inPaper <= peftTolerance) {
			t.Errorf("paper: a loss of %v, not %v; %s is %.1e away", loss, g.Loss, name, inPaper)
		}

		inLoops, dlora := p.ByEngine()
		inEngine, name := g.away(t, dlora)
		if !(math.Abs(inLoops-g.Loss) <= peftTolerance && inEngine <= peftTolerance) {
			t.Errorf("engine: a loss of %v, not %v; %s is %.1e away", inLoops, g.Loss, name, inEngine)
		}
		t.Logf("PEFT %s: loss %.6f, paper %.1e and engine %.1e away", g.Versions["peft"], loss, inPaper, inEngine)
	})
}

// TestPEFTSeesBugs: the bugs of LoRA and DoRA that these goldens can show leave
// PEFT's gradients; and so does the exact form of DoRA, which is another gradient.
func TestPEFTSeesBugs(t *testing.T) {
	hosts := map[string]string{"M18": "layers", "M19": "layers", "M20": "layers", "M21": "layers", "M28": "dora", "M29": "dora", "M31": "dora", "M32": "layers", "M33": "dora", "": "dora"}
	eachPEFT(t, func(t *testing.T, g peftGolden) {
		p := g.point(t)
		for id, host := range hosts {
			if host != g.Name {
				continue
			}
			_, _, dlora := p.Planted(id)
			worst, name := g.away(t, dlora)
			if caught := worst > peftTolerance; caught != (id != "") {
				t.Errorf("mutant %q: %s is %.1e away, limit %.0e", id, name, worst, peftTolerance)
			}
		}
		if g.Name == "dora" {
			g.Adapter.DoRAExact = true
			p := g.point(t)
			_, back := paper.Network(nil, p.Params, p.LoRA, g.Batch, paper.Mean)
			_, dlora := back()
			worst, name := g.away(t, dlora)
			if !(worst >= 1e-3) {
				t.Errorf("the exact form is PEFT's, too: %s is %.1e away", name, worst)
			}
			t.Logf("the exact form: %s is %.1e of its largest number away from PEFT's", name, worst)
		}
	})
}
