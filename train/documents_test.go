package train

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/generate"
	"github.com/pedestrian-ml/pedestrian/token"
)

// answers are documents of different lengths, each a prompt and what answers it: the
// last word of the prompt, said so often as the document's number says, and an end.
func answers(t testing.TB) (path string, tok *token.Tokenizer) {
	t.Helper()
	var b strings.Builder
	for i := range 60 {
		word := []string{"a", "bb", "ccc"}[i%3]
		fmt.Fprintf(&b, `{"prompt": "%d say %s:", "completion": "%s"}`+"\n", i, word, strings.Repeat(word, 1+i%4))
	}
	path = filepath.Join(t.TempDir(), "answers.jsonl")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	tok, err := token.TrainBPE(slices.Values([]string{"say say say"}), token.TrainOptions{Vocab: 258, Specials: []string{"<|endoftext|>"}})
	if err != nil {
		t.Fatal(err)
	}
	return path, tok
}

// documented is a small base and the options to tune it on answers.
func documented(t testing.TB) (Options, Base, *token.Tokenizer) {
	t.Helper()
	path, tok := answers(t)
	parallel(t, 2)
	o := TuningOptions("base")
	o.Data, o.Threads = path, 2
	o.Config = pedestrian.Config{Vocab: tok.Vocab(), Context: 32, Width: 16, Heads: 2, Blocks: 2, Activation: pedestrian.GELU, Eps: 1e-5, Tied: true}
	p := NewState(o.Config, 3).Params
	return o, Base{Path: "/models/base", SHA256: Digest(p), Params: p, Tokenizer: tok}, tok
}

func documentData(t testing.TB, o Options, tok *token.Tokenizer) *Data {
	t.Helper()
	d, err := LoadTuningData(o, tok, o.Vocab)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Packed or one in a row, in one batch or several: the same documents have the same
// loss, the same gradient and the same targets.
func TestPackingIsPadding(t *testing.T) {
	const tolerance = 1e-5 // float32: sums in another order
	o, b, tok := documented(t)
	d := documentData(t, o, tok)
	type result struct {
		sum, val float64
		counted  int
		grad     []float32
	}
	var results []result
	for _, packing := range []string{PackingOn, PackingOff} {
		o := o
		o.Tuning.Packing = packing
		rows := o.pack(d.Examples, o.Seed).Rows()
		for _, accumulate := range []int{1, 2} {
			if rows%accumulate != 0 {
				rows-- // no epoch ends inside the batch
				continue
			}
			o.Batch, o.Accumulate = rows/accumulate, accumulate
			r := finetune(t, o, b, d, "")
			sum, counted, err := r.pass(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			val, err := r.Evaluate(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			results = append(results, result{sum, val, counted, slices.Clone(r.grad.Slab())})
			t.Logf("packing %s: %d rows in %d batches", packing, rows, accumulate)
		}
	}
	if len(results) < 3 {
		t.Fatalf("%d ways", len(results))
	}
	for _, x := range results[1:] {
		if x.counted != results[0].counted || math.Abs(x.sum/results[0].sum-1) > tolerance || math.Abs(x.val/results[0].val-1) > tolerance {
			t.Errorf("%d targets with loss %g, validation %g; %d with %g, %g", x.counted, x.sum, x.val, results[0].counted, results[0].sum, results[0].val)
		}
		for i, g := range x.grad {
			if w := results[0].grad[i]; math.Abs(float64(g-w)) > tolerance*(1+math.Abs(float64(w))) {
				t.Fatalf("gradient %d is %g and %g", i, g, w)
			}
		}
	}
}

// A network that could not stop learns to: what it writes after a prompt ends by the
// token for the end of a text, and says the right word.
func TestLearnsToStop(t *testing.T) {
	o, b, tok := documented(t)
	o.Tuning.Full, o.Tuning.Epochs, o.LR, o.Batch, o.ValFraction = true, 0, 1e-2, 8, 0.2
	o.Steps, o.EvalEvery = 400, 400
	d := documentData(t, o, tok)
	if d.Report.Ends != 60 {
		t.Fatalf("%d documents whose end is learnt", d.Report.Ends)
	}
	r := finetune(t, o, b, d, "")
	s := generate.Sampling{MaxTokens: 20}
	stopped := func() (n int, right bool) {
		right = true
		w := o.writer(r.net, r.Network, tok, d.Begin)
		for _, word := range []string{"a", "bb", "ccc"} {
			text, err := w.Write(t.Context(), "7 say "+word+":", s, nil)
			if err != nil {
				t.Fatal(err)
			}
			if text.Stopped && len(text.Tokens) < s.MaxTokens {
				n++
			}
			right = right && strings.HasPrefix(text.Text, word)
			t.Logf("%s: %q", word, text.Text)
		}
		return n, right
	}
	if n, _ := stopped(); n > 0 {
		t.Errorf("before training %d of 3 texts end", n)
	}
	var samples []Sample
	if _, err := r.Train(t.Context(), Observer{Sample: func(s Sample) { samples = append(samples, s) }}); err != nil {
		t.Fatal(err)
	}
	if n, right := stopped(); n < 3 || !right {
		t.Errorf("after training %d of 3 texts end; the right words: %v", n, right)
	}
	if len(samples) == 0 || !strings.HasSuffix(samples[0].Prompt, ":") {
		t.Errorf("samples go on from %+v", samples)
	}
}

// A number that is not finite is traced to the documents of its row.
func TestDocumentsAreNamed(t *testing.T) {
	o, b, tok := documented(t)
	d := documentData(t, o, tok)
	r := finetune(t, o, b, d, "")
	r.beforeUpdate = func() { r.grad.Adapter.Blocks[1].Contract.Up.V[3] = float32(math.NaN()) }
	_, err := r.Step(t.Context())
	if err == nil || !strings.Contains(err.Error(), "the gradient of block.1.contract.up is NaN") || !strings.Contains(err.Error(), "answers.jsonl:") {
		t.Errorf("%v", err)
	}
}

// Documents without a token to learn are refused, and so is a base without a tokenizer.
func TestDocumentsRefused(t *testing.T) {
	o, b, tok := documented(t)
	d := documentData(t, o, tok)
	d.ValExamples = &corpus.Examples{}
	d.ValExamples.Add([]int32{1, 2}, []bool{false, false}, corpus.Place{File: "x"})
	if _, err := Finetune(o, b, d, ""); err == nil || !strings.Contains(err.Error(), "the validation split of") {
		t.Errorf("nothing to learn: %v", err)
	}
	if _, err := LoadTuningData(o, nil, o.Vocab); err == nil || !strings.Contains(err.Error(), "comes without a tokenizer") {
		t.Errorf("no tokenizer: %v", err)
	}
	if _, err := LoadTuningData(o, tok, 9); err == nil || !strings.Contains(err.Error(), "they do not belong together") {
		t.Errorf("a tokenizer that is too large: %v", err)
	}
	b.Params.Tok.V[5] = float32(math.Inf(1))
	if _, err := Finetune(o, b, documentData(t, o, tok), ""); err == nil || !strings.Contains(err.Error(), "/models/base: the weight tok.w is +Inf in row 0, column 5") {
		t.Errorf("a base with +Inf: %v", err)
	}
}

// A run goes on with the documents that it began with, and of each with what was learnt.
func TestOtherDocumentsAreRefused(t *testing.T) {
	o, b, tok := documented(t)
	o.Steps, o.EvalEvery = 1, 1
	dir := t.TempDir()
	r := finetune(t, o, b, documentData(t, o, tok), dir)
	if _, err := r.Train(t.Context(), Observer{}); err != nil {
		t.Fatal(err)
	}
	r.Close()
	text, err := os.ReadFile(o.Data)
	if err != nil {
		t.Fatal(err)
	}
	other := o
	other.Data = filepath.Join(t.TempDir(), "answers.jsonl")
	if err := os.WriteFile(other.Data, []byte(strings.Replace(string(text), "17 say", "71 say", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	all := o
	all.Tuning.Loss = LossAll
	for name, changed := range map[string]Options{"": o, "a prompt": other, "what is learnt": all} {
		c, _, err := LoadNewest(dir, true)
		if err == nil {
			err = c.Attach(b.Params)
		}
		if err != nil {
			t.Fatal(err)
		}
		r, err := Resume(dir, c, documentData(t, changed, tok))
		if name == "" && err == nil {
			r.Close()
		} else if name == "" || err == nil || !strings.Contains(err.Error(), "the text is not the one that the run began with") {
			t.Errorf("changed is %q: %v", name, err)
		}
	}
}

// A text is windows, unless it has marks between documents, a separator is given, or
// documents are asked for.
func TestTextOrDocuments(t *testing.T) {
	o, _, tok := documented(t)
	var plain, marked string
	for i := range 40 {
		plain += fmt.Sprintf("a b c d e f %d\n", i)
		marked += fmt.Sprintf("a b c %d<|endoftext|>d e %d<|endoftext|>", i, i)
	}
	for _, c := range []struct {
		text, format, separator string
		documents               int // 0 = windows
	}{
		{plain, "", "", 0}, {marked, "", "", 80}, {marked, FormatWindows, "", 0}, {plain, "", "\n", 40}, {plain, FormatWindows, "\n", 0},
	} {
		o := o
		o.Data = filepath.Join(t.TempDir(), "text.txt")
		if err := os.WriteFile(o.Data, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		o.Tuning.Format, o.Tuning.Separator = c.format, c.separator
		d := documentData(t, o, tok)
		if n := 0; d.Report != nil {
			if n = d.Report.Documents; n != c.documents {
				t.Errorf("%q, %q: %d documents, want %d", c.format, c.separator, n, c.documents)
			}
		} else if c.documents > 0 || len(d.Train) == 0 {
			t.Errorf("%q, %q: windows, want %d documents", c.format, c.separator, c.documents)
		}
	}
}
