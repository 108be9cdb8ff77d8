package hub

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/safetensors"
	"github.com/pedestrian-ml/pedestrian/token"
)

// What is written is read again with every bit, in every type, whole and in shards.
func TestHuggingFaceRoundTrip(t *testing.T) {
	for name, e := range exports() {
		if e.format != HuggingFace {
			continue
		}
		m := e.model()
		m.BOS = []int32{3}
		dir := filepath.Join(t.TempDir(), "m")
		if err := e.save(dir, m); err != nil {
			t.Fatal(err)
		}
		got := load[float64](t, dir)
		want := e.config
		want.Bias, want.LogitsBias, want.KeyDim = true, false, 0
		if got.Params.Config != want || len(got.EOS) != len(e.eos) || len(got.BOS) != 1 {
			t.Errorf("%s: %+v, EOS %v, BOS %v", name, got.Params.Config, got.EOS, got.BOS)
		}
		g := expectation(m.Params, e.o.DType)
		if loss, logits := deviation(got.Params, g); !(loss <= 1e-14 && logits <= 1e-14) {
			t.Errorf("%s: the loss is off by %g, the logits by %g", name, loss, logits)
		}
	}
}

// The tokenizer goes along, in the form that its kind has.
func TestTokenizerGoesAlong(t *testing.T) {
	e := exports()["hf-tied"]
	e.config.Vocab = 300
	bpe, err := token.TrainBPE(func(yield func(string) bool) { yield(strings.Repeat("the cat sat on the mat. ", 30)) }, token.TrainOptions{Vocab: 290, MinCount: 1, Specials: []string{"<|endoftext|>"}})
	if err != nil {
		t.Fatal(err)
	}
	chars, err := token.NewChars("the ca")
	if err != nil {
		t.Fatal(err)
	}
	for _, tok := range []*token.Tokenizer{bpe, chars, token.NewBytes()} {
		m := e.model()
		m.Tokenizer = tok
		dir := filepath.Join(t.TempDir(), "m")
		if err := e.save(dir, m); err != nil {
			t.Fatal(err)
		}
		got := load[float32](t, dir).Tokenizer
		if got == nil || got.Kind() != tok.Kind() || got.Vocab() != tok.Vocab() {
			t.Fatalf("%s came back as %v", tok.Kind(), got)
		}
		a, _ := tok.Encode("the cat ate the hat")
		b, err := got.Encode("the cat ate the hat")
		if err != nil || tok.Decode(a) != got.Decode(b) || len(a) != len(b) {
			t.Errorf("%s: %v, then %v, %v", tok.Kind(), a, b, err)
		}
	}
	if _, err := withLength([]byte("{"), 3); err == nil {
		t.Error("a broken tokenizer_config.json was taken")
	}
}

// A network that computes something else there is not written, nor is one that is broken.
func TestSaveRefuses(t *testing.T) {
	base := exports()
	for want, c := range map[string]struct {
		name   string
		change func(c *pedestrian.Config)
		then   func(p *pedestrian.Params[float64])
		o      SaveOptions
	}{
		"GPT-2 of transformers cannot hold this network: a head has queries of 6 features":     {"hf-tied", func(c *pedestrian.Config) { c.KeyDim = 6 }, nil, SaveOptions{}},
		"GPT-2 of transformers cannot hold this network: its logits have a bias":               {"hf-paper", func(c *pedestrian.Config) { c.LogitsBias = true }, func(p *pedestrian.Params[float64]) { p.Logits.B.V[7] = 1 }, SaveOptions{}},
		"tok.w holds NaN: a network that is broken":                                            {"hf-tied", nil, func(p *pedestrian.Params[float64]) { p.Tok.V[7] = math.NaN() }, SaveOptions{}},
		`tensor "transformer.wte.weight": 1e+06 is too large for F16`:                          {"hf-tied", nil, func(p *pedestrian.Params[float64]) { p.Tok.V[7] = 1e6 }, SaveOptions{DType: safetensors.F16}},
		`numbers of type "I8": choose F32, F16, BF16 or F64`:                                   {"hf-tied", nil, nil, SaveOptions{DType: safetensors.I8}},
		`numbers of type "U8": choose F32, F16, BF16 or F64`:                                   {"nanogpt", nil, nil, SaveOptions{DType: safetensors.U8}},
		`numbers of type "F16": llm.c has F32 and BF16`:                                        {"llmc", nil, nil, SaveOptions{DType: safetensors.F16}},
		"nanoGPT cannot hold this network: the matrix of its logits is not that of its token":  {"nanogpt", func(c *pedestrian.Config) { c.Tied = false }, nil, SaveOptions{}},
		"llm.c cannot hold this network: eps is 0.001, and there it is always 1e-05":           {"llmc", func(c *pedestrian.Config) { c.Eps = 1e-3 }, nil, SaveOptions{}},
		"llm.c cannot hold this network: hidden is 7, and there it is always four times":       {"llmc", func(c *pedestrian.Config) { c.Hidden = 7 }, nil, SaveOptions{}},
		"llm.c cannot hold this network: its activation is gelu, and there it is always gelu_": {"llmc", func(c *pedestrian.Config) { c.Activation = pedestrian.GELU }, nil, SaveOptions{}},
		"nanoGPT cannot hold this network: its activation is relu":                             {"nanogpt", func(c *pedestrian.Config) { c.Activation = pedestrian.ReLU }, nil, SaveOptions{}},
		"tok.w: 1e+300 is too large for F32":                                                   {"llmc", nil, func(p *pedestrian.Params[float64]) { p.Tok.V[7] = 1e300 }, SaveOptions{}},
	} {
		e := base[c.name]
		if c.change != nil {
			c.change(&e.config)
		}
		e.o = c.o
		m := e.model()
		if c.then != nil {
			c.then(m.Params)
		}
		parent := t.TempDir()
		err := e.save(filepath.Join(parent, "m"), m)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want one line with %s", err, want)
		}
		if left, _ := os.ReadDir(parent); len(left) > 0 {
			t.Errorf("%s: %s was left behind", want, left[0].Name())
		}
	}
}

// Python reads a float in every number.
func TestDecimal(t *testing.T) {
	for _, c := range []struct {
		v    float64
		want string
	}{{0, "0.0"}, {1, "1.0"}, {0.1, "0.1"}, {1e-5, "1e-05"}, {1e21, "1e+21"}, {-2, "-2.0"}} {
		if got := decimal(c.v); got != c.want {
			t.Errorf("%g is written %s, want %s", c.v, got, c.want)
		}
	}
}

// FuzzConfig reads config.json: what is accepted is valid, and the same after it was
// written.
func FuzzConfig(f *testing.F) {
	for _, more := range []string{"", `, "n_inner": 20`, `, "activation_function": "gelu", "tie_word_embeddings": false`, `, "eos_token_id": [1,2], "hidden_size": 12`, `, "x": {"y": [1]}`, `, "n_head": 5`, `, "layer_norm_epsilon": 1e-999`, `, "scale_attn_weights": null`} {
		f.Add([]byte(smallConfig(more)))
	}
	for kind := range llamaKinds {
		for _, more := range []string{"", `, "attention_bias": true`, `, "sliding_window": 3, "use_sliding_window": true, "max_window_layers": 0, "head_dim": 10`, `, "rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 2}`,
			`, "rope_scaling": {"rope_type": "yarn", "original_max_position_embeddings": 8, "mscale": 2, "mscale_all_dim": 1, "beta_fast": 16}`,
			`, "rope_parameters": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4, "rope_theta": 1e4}`} {
			f.Add([]byte(llamaConfig(kind, more)))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parseConfig(text)
		if err != nil {
			if strings.Contains(err.Error(), "\n") || len(err.Error()) > 600 {
				t.Errorf("not one line: %q", err)
			}
			return
		}
		if err := c.network.Validate(); err != nil {
			t.Error(err)
		}
		written, err := configText(c.network, c.eos, c.bos, SaveOptions{DType: safetensors.F32})
		if err != nil {
			t.Fatal(err)
		}
		back, err := parseConfig([]byte(written))
		if err != nil || back.network != c.network || len(back.eos) != len(c.eos) || len(back.unknown) > 0 {
			t.Errorf("%+v came back as %+v, %v", c, back, err)
		}
	})
}

// FuzzIndex reads an index: what is accepted names files beside it.
func FuzzIndex(f *testing.F) {
	for _, text := range []string{`{"metadata":{"total_size":3},"weight_map":{"a":"x.safetensors","b":"y.safetensors"}}`, `{"weight_map":{"a":"../x.safetensors"}}`, `{"weight_map":{"a":"x.safetensors"},"weight_map":{}}`, `{"weight_map":{"a":"..\\x.safetensors"}}`, `{"weight_map":2e` + strings.Repeat("8", 1000) + "}", `{"weight_map":{"a":2e` + strings.Repeat("8", 1000) + "}}", "2e" + strings.Repeat("8", 1000)} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		shards, err := shardsOf(text)
		if err != nil {
			if strings.Contains(err.Error(), "\n") || len(err.Error()) > 600 {
				t.Errorf("not one line: %q", err)
			}
			return
		}
		for _, name := range shards {
			if filepath.Base(name) != name || !filepath.IsLocal(name) || strings.ContainsAny(name, "/\\\x00") || !strings.HasSuffix(name, ".safetensors") {
				t.Errorf("%q", name)
			}
		}
	})
}

// A file of weights is filled up to the last byte that it may have, and no further.
func TestShardThatFitsExactly(t *testing.T) {
	entries := func(lengths ...int) (es []safetensors.Entry[float32]) {
		for i, n := range lengths {
			es = append(es, safetensors.Entry[float32]{Name: string(rune('a' + i)), DType: safetensors.F32, Shape: []int{n}, Data: make([]float32, n)})
		}
		return es
	}
	for _, c := range []struct {
		most    int64
		lengths []int
		files   int // the index aside
	}{
		{40, []int{4, 6, 10, 1}, 3}, // 40, 40 and 4 bytes
		{39, []int{4, 6, 10, 1}, 4}, // the first two no longer fit together, and the third is too long for any
		{41, []int{4, 6, 10, 1}, 3},
		{84, []int{4, 6, 10, 1}, 1}, {83, []int{4, 6, 10, 1}, 2}, {0, []int{4, 6, 10, 1}, 1},
		{4, []int{1, 1}, 2}, {8, []int{1, 1}, 1}, {3, []int{1, 1}, 2},
	} {
		files := weightFiles(entries(c.lengths...), c.most)
		if got := max(1, len(files)-1); got != c.files {
			t.Errorf("%v numbers in files of at most %d bytes: %d files, want %d", c.lengths, c.most, got, c.files)
		}
	}
}
