package hub

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/paper"
	"github.com/pedestrian-ml/pedestrian/safetensors"
)

const peftDir = "../testdata/peft"

var writeOurs = flag.Bool("write", false, "write our adapters into testdata/peft/ours, for make.py ours")

// a verdict is what PEFT computed.
type verdict struct {
	Tokens []int
	Logits map[string][][]float64
}

func readVerdict(t *testing.T, name string) (v verdict) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(peftDir, name))
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func readBase(t *testing.T, name string) *pedestrian.Params[float32] {
	t.Helper()
	m, err := LoadModel(filepath.Join(peftDir, "bases", name))
	if err != nil {
		t.Fatal(err)
	}
	return m.Params
}

// logits are the equations' own, in float64.
func logits(p *pedestrian.Params[float32], a *pedestrian.Adapter[float32], tokens []int) (rows [][]float64) {
	wide := pedestrian.NewParams[float64](p.Config)
	pedestrian.Convert(&wide.Values, &p.Values)
	var adapter *pedestrian.Adapter[float64]
	if a != nil {
		adapter = pedestrian.NewAdapter[float64](a.Base, a.Config)
		for i, v := range a.Slab {
			adapter.Slab[i] = float64(v)
		}
	}
	tr := &paper.Trace{}
	paper.Network(tr, wide, adapter, []paper.Sequence{{Tokens: tokens, Targets: tokens}}, 0)
	for _, s := range tr.Steps {
		if s.Name == "a_12" {
			for i := range len(tokens) {
				row := make([]float64, p.Config.Vocab)
				for j := range row {
					row[j] = s.V.At(i, j)
				}
				rows = append(rows, row)
			}
		}
	}
	return rows
}

// worst is the largest difference of two tables of logits.
func worst(a, b [][]float64) (d float64) {
	if len(a) != len(b) || len(a) == 0 {
		return math.Inf(1)
	}
	for i := range a {
		for j := range a[i] {
			d = max(d, math.Abs(a[i][j]-b[i][j]))
		}
	}
	return d
}

// Adapters that PEFT made are read, and compute here what they compute there.
func TestTheirAdapters(t *testing.T) {
	v := readVerdict(t, "theirs.json")
	want := map[string]pedestrian.AdapterConfig{
		"plain": {Rank: 4, Alpha: 8, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{"qkv"}},
		"all": {Rank: 2, Alpha: 3, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{"qkv", "attProj", "expand", "contract", "logits"},
			Ranks: map[pedestrian.Target]int{"qkv": 5, "logits": 1}, Alphas: map[pedestrian.Target]float64{"expand": 7}, Dropout: 0.1},
		"rslora":    {Rank: 3, Alpha: 2, Scaling: pedestrian.ScaleRSqrt, Targets: []pedestrian.Target{"qkv", "attProj", "contract"}, Layers: []int{0, 2}},
		"dora":      {Rank: 2, Alpha: 4, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{"qkv", "attProj", "expand", "contract", "logits"}, DoRA: true},
		"biases":    {Rank: 2, Alpha: 4, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{"qkv", "expand"}, Bias: pedestrian.BiasAll, Norms: true},
		"lora_only": {Rank: 2, Alpha: 4, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{"expand", "contract"}, Bias: pedestrian.BiasAdapted, Layers: []int{1}},
		"linear":    {Rank: 2, Alpha: 4, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{"qkv", "attProj", "expand", "contract"}},
		"scaled":    {Rank: 3, Alpha: 4, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{"qkv", "attProj"}, Bias: pedestrian.BiasAll},
		"pattern":   {Rank: 2, Alpha: 4, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{"qkv"}, Layers: []int{1, 2}, Norms: true},
	}
	for name, config := range want {
		t.Run(name, func(t *testing.T) {
			base := "tied"
			if name == "dora" || name == "biases" {
				base = "untied"
			} else if name == "scaled" {
				base = name
			}
			p := readBase(t, base)
			a, err := LoadAdapter(filepath.Join(peftDir, "theirs", name), p)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(config, a.Config); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if a.BaseName != "someone/"+base || a.BaseSHA256 != "" || len(a.Notes) > 0 {
				t.Errorf("base %q, hash %q, notes %q", a.BaseName, a.BaseSHA256, a.Notes)
			}
			if d := worst(logits(p, a.Adapter, v.Tokens), v.Logits[name]); !(d < 1e-10) {
				t.Errorf("logits differ from PEFT's by %g", d)
			}
			// It goes out as it came in.
			dir := filepath.Join(t.TempDir(), "a")
			if err := SaveAdapter(dir, a, p); err != nil {
				t.Fatal(err)
			}
			comesBack(t, dir, a, p)
		})
	}
}

// ourAdapters are what PEFT is shown.
var ourAdapters = map[string]struct {
	base   string
	config pedestrian.AdapterConfig
}{
	"paper": {"tied", pedestrian.AdapterConfig{Rank: 3, Alpha: 0.7, Scaling: pedestrian.ScalePaper, Targets: pedestrian.Config{Heads: 1}.Targets()}},
	"fused": {"untied", pedestrian.AdapterConfig{Rank: 4, Alpha: 6, Scaling: pedestrian.ScaleRank, Dropout: 0.25,
		Targets: []pedestrian.Target{"logits", "qkv", "attProj", "expand", "contract"}, Ranks: map[pedestrian.Target]int{"qkv": 6, "contract": 1}, Alphas: map[pedestrian.Target]float64{"attProj": 2.5}}},
	"rslora": {"tied", pedestrian.AdapterConfig{Rank: 4, Alpha: 3, Scaling: pedestrian.ScaleRSqrt, Targets: []pedestrian.Target{"q", "v", "expand"},
		Ranks: map[pedestrian.Target]int{"expand": 2}, Layers: []int{2, 0}}},
	"thirds": {"tied", pedestrian.AdapterConfig{Rank: 2, Alpha: 5, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{"q", "k", "v"},
		Ranks: map[pedestrian.Target]int{"q": 3, "k": 1, "v": 5}}},
	"powers": {"untied", pedestrian.AdapterConfig{Rank: 4, Alpha: 8, Scaling: pedestrian.ScaleRank, Targets: []pedestrian.Target{"k", "v", "logits"},
		Ranks: map[pedestrian.Target]int{"k": 2, "logits": 1}, Layers: []int{1}}},
	"dora": {"untied", pedestrian.AdapterConfig{Rank: 2, Alpha: 4, Scaling: pedestrian.ScaleRank, DoRA: true, Targets: pedestrian.Config{Heads: 1}.Targets()}},
	"doraqv": {"tied", pedestrian.AdapterConfig{Rank: 2, Alpha: 4, Scaling: pedestrian.ScaleRank, DoRA: true, DoRAExact: true,
		Targets: []pedestrian.Target{"q", "v", "contract"}, Bias: pedestrian.BiasAdapted, Layers: []int{0, 1}}},
	"biases": {"tied", pedestrian.AdapterConfig{Rank: 2, Alpha: 4, Scaling: pedestrian.ScaleRank, Bias: pedestrian.BiasAll, Targets: []pedestrian.Target{"qkv"}, Layers: []int{1}}},
	"scaled": {"scaled", pedestrian.AdapterConfig{Rank: 2, Alpha: 4, Scaling: pedestrian.ScaleRank, Bias: pedestrian.BiasAll, Targets: []pedestrian.Target{"q", "k", "v", "expand"}}},
	"norms":  {"untied", pedestrian.AdapterConfig{Rank: 2, Alpha: 4, Scaling: pedestrian.ScaleRank, Bias: pedestrian.BiasAll, Norms: true, Targets: []pedestrian.Target{"attProj"}}},
	"head":   {"untied", pedestrian.AdapterConfig{Rank: 2, Alpha: 4, Scaling: pedestrian.ScaleRank, Norms: true, Targets: []pedestrian.Target{"logits"}}},
}

// anAdapter has generic numbers: no factor is zero, nothing is the base's.
func anAdapter(base *pedestrian.Params[float32], c pedestrian.AdapterConfig, seed uint64) *pedestrian.Adapter[float32] {
	a := pedestrian.NewAdapter[float32](base.Config, c)
	r := rand.New(rand.NewPCG(seed, 1))
	for _, t := range a.Tensors() {
		for i := range t.V {
			t.V[i] = float32(r.NormFloat64() * 0.3)
		}
		if strings.HasSuffix(t.Name, ".magnitude") || strings.HasSuffix(t.Name, ".w") {
			for i := range t.V {
				t.V[i] += 1
			}
		}
	}
	return a
}

// Adapters of ours: PEFT was shown the very files, uses every tensor, and computes
// what we compute. And they come back as they were, to the bit.
func TestOurAdapters(t *testing.T) {
	if *writeOurs {
		os.RemoveAll(filepath.Join(peftDir, "ours"))
	}
	v := readVerdict(t, "ours.json")
	for name, test := range ourAdapters {
		t.Run(name, func(t *testing.T) {
			p := readBase(t, test.base)
			a := &Adapter{Adapter: anAdapter(p, test.config, uint64(len(name))), BaseName: "someone/" + test.base, BaseSHA256: strings.Repeat("ab", 32)}
			dir := filepath.Join(t.TempDir(), "a")
			if *writeOurs {
				dir = filepath.Join(peftDir, "ours", name)
			}
			if err := SaveAdapter(dir, a, p); err != nil {
				t.Fatal(err)
			}
			if *writeOurs {
				return
			}
			wasShown(t, dir, filepath.Join(peftDir, "ours", name))
			back, err := LoadAdapter(dir, p)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(a, back, cmp.AllowUnexported(pedestrian.Values[float32]{})); diff != "" && name != "thirds" {
				t.Errorf("not as it was:\n%s", diff)
			}
			if name == "thirds" { // the multipliers 5/3, 5 and 1 are no powers of two apart: rounded once each way
				for i, x := range a.Slab {
					if y := back.Slab[i]; math.Abs(float64(x-y)) > 1e-7*math.Abs(float64(x)) {
						t.Errorf("number %d was %g and is %g", i, x, y)
					}
				}
			}
			// As PEFT reads it, without our note of its shape.
			r := logits(p, a.Adapter, v.Tokens)
			within := 1e-10
			if name == "thirds" || name == "doraqv" { // what was rounded to float32: ratios, and the magnitudes of keys
				within = 1e-6
			}
			if d := worst(r, v.Logits[name]); !(d < within) {
				t.Errorf("PEFT's logits differ from ours by %g", d)
			}
		})
	}
}

// What PEFT makes of base and adapter in float32, we make too.
func TestMergedAsTheirs(t *testing.T) {
	for name, base := range map[string]string{"biases": "untied", "dora": "untied", "scaled": "scaled"} {
		p := readBase(t, base)
		a, err := LoadAdapter(filepath.Join(peftDir, "theirs", name), p)
		if err != nil {
			t.Fatal(err)
		}
		merged := engine.Merge(p, a.Adapter)
		text, err := os.ReadFile(filepath.Join(peftDir, "merged-"+name+".safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		f, err := safetensors.Read(bytes.NewReader(text), int64(len(text)))
		if err != nil {
			t.Fatal(err)
		}
		compared := 0
		for _, e := range entries(merged, safetensors.F32) {
			in, ok := f.Lookup(e.Name)
			if !ok {
				t.Errorf("%s: PEFT has no %s", name, e.Name)
				continue
			}
			theirs, ours := make([]float32, in.Len()), e.Data
			if ours == nil {
				ours = e.Make()
			}
			if err := safetensors.Decode(f, in, 0, theirs); err != nil {
				t.Fatal(err)
			}
			for i := range ours {
				compared++
				if d := math.Abs(float64(ours[i] - theirs[i])); !(d <= 1e-6) { // a sum of two products and a quotient, in float32 there
					t.Errorf("%s: %s[%d] is %g, and %g in PEFT", name, e.Name, i, ours[i], theirs[i])
					break
				}
			}
		}
		if compared != p.Count() {
			t.Errorf("%s: %d numbers compared", name, compared)
		}
	}
}

// comesBack fails unless the adapter in dir is read as a, without notes.
func comesBack(t *testing.T, dir string, a *Adapter, p *pedestrian.Params[float32]) {
	t.Helper()
	again, err := LoadAdapter(dir, p)
	if err != nil {
		t.Fatal(dir, err)
	}
	if diff := cmp.Diff(a, again, cmp.AllowUnexported(pedestrian.Values[float32]{})); diff != "" || len(again.Notes) > 0 {
		t.Errorf("%s: not as it was:\n%s", dir, diff)
	}
}

// wasShown fails unless the files of the adapter in dir are those in ours, which PEFT was
// shown.
func wasShown(t *testing.T, dir, ours string) {
	t.Helper()
	for _, file := range []string{adapterConfig, adapterWeights} {
		got, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		if want, err := os.ReadFile(filepath.Join(ours, file)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what PEFT was shown (%v)", filepath.Join(ours, file), err)
		}
	}
}
