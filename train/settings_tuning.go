package train

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/corpus"
)

// TuningSettings returns every setting of a run with a base, in the order of a help page.
// Setting one changes o.
func (o *Options) TuningSettings() []Setting {
	t := &o.Tuning
	a := &t.Adapter
	settings := []Setting{
		{"data", "documents (what they are, data --help says), a text file or directory, @chats, or built-in stories", &o.Data},
		{"val", "documents or text of a file for validation; without it a part of data is kept", &o.Val},
		{"val_fraction", "share of data that is kept for validation; 0 = none", &o.ValFraction},
		{"format", "documents, or windows of a text; empty = documents if they are in JSON Lines or a text has marks between them", &t.Format},
		{"map", "columns that have other names: prompt=question,completion=answer; fields are those of data --help", columnsOf(&t.Map)},
		{"separator", `what divides the documents of a text, such as "\n\n"; empty = the end-of-text mark`, escaped(&t.Separator)},
		{"template", "how messages become a text: " + strings.Join(corpus.Templates(), ", ") + ", or a file; empty = that which the tokenizer's own looks like, or the first", &t.Template},
		{"tokenizer", "of a base that brings none: gpt2, bytes, or the path of a tokenizer.json; else base", &o.Tokenizer},
		{"add_tokens", "tokens that the base has not, such as <|a|>,<|b|>: they get rows of the embedding, which are trained", tokensOf(&t.AddTokens)},
		{"end", "what ends a document; empty = the tokenizer's token for the end of a text", escaped(&t.End)},
		{"loss", "of documents with a prompt or messages: completions, or all", &t.Loss},
		{"packing", "on: as many documents in a row as fit, none of which sees another; off: one, and padding", &t.Packing},
		{"long", "documents longer than a row: cut (they go on in another row) or truncate", &t.Long},
		{"full", "train all parameters instead of an adapter", &t.Full},
		{"rank", "r of the adapter", &a.Rank},
		{"alpha", "α of the adapter", &a.Alpha},
		{"scaling", "what multiplies the adapter: alpha/r, alpha/sqrt_r or alpha", named(&a.Scaling)},
		{"targets", "layers with an adapter: all (of every block), q, k, v, qkv, attProj, expand, contract, logits, or PEFT's names, such as all,lm_head; q:4 has rank 4", targetsOf(a)},
		{"layers", "blocks with an adapter, such as 0-3,5; empty = all", blocksOf(a)},
		{"dora", "weight-decomposed: a magnitude for each output beside the factors", &a.DoRA},
		{"lora_dropout", "probability, on the adapter's input", &a.Dropout},
		{"train_bias", "biases that are trained too: none, adapted or all", named(&a.Bias)},
		{"train_norms", "train the layer norms, too", &a.Norms},
		{"init", "what down starts from: kaiming or gaussian; up starts at 0", named(&t.Init)},
		{"lora_plus", "LoRA+: up learns this many times as fast as down; 0 = as fast", &t.LoRAPlus},
		{"epochs", "passes over the data, where steps is 0", &t.Epochs},
	}
	own := map[string]string{
		"align": "", "begin": "", "story_chars": "", "steps": "updates; 0 = as many as epochs take",
		"window": "tokens of a row of a batch; 0 = the context, or 256 where that is above 512", "batch": "rows of a micro-batch; 0 = 8, or fewer where there are few", "accumulate": "", "lr": "", "min_lr": "", "warmup": "steps from 0 to lr; 0 = a twentieth of all", "schedule": "",
		"beta1": "", "beta2": "", "adam_eps": "", "decay": "", "clip": "", "dropout": "", "on_spike": "",
		"eval_every": "steps between evaluations; 0 = a tenth of all", "eval_batches": "", "patience": "", "save_every": "", "keep": "",
		"sample_every": "", "sample_tokens": "", "tensorboard": "", "seed": "", "precision": "float32; bf16 rounds the operands of large products; bf16x3, beside a base in bf16, rounds nothing and is faster with AMX", "threads": "", "recompute": "",
	}
	for _, s := range o.Settings() {
		if about, ok := own[s.Name]; ok {
			if about != "" {
				s.About = about
			}
			settings = append(settings, s)
		}
	}
	return settings
}

// named reads and writes a string type.
func named[S ~string](p *S) notation {
	return notation{func() string { return string(*p) }, func(text string) error { *p = S(text); return nil }}
}

// escaped reads and writes a text with escapes for characters that are hard to write in a shell:
// \n is a line end, \r a carriage return, \t a tab and \\ a backslash. Other escapes are
// errors.
func escaped(p *string) notation {
	get := func() string {
		return strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(*p)
	}
	set := func(text string) error {
		var b strings.Builder
		for text != "" {
			before, after, found := strings.Cut(text, `\`)
			b.WriteString(before)
			if text = after; !found {
				break
			}
			which := strings.Index(`nrt\`, text[:min(len(text), 1)])
			if text == "" || which < 0 {
				r, _ := utf8.DecodeRuneInString(text)
				if text == "" {
					return errors.New(`a backslash at the end: write \\ for one`)
				}
				return fmt.Errorf(`\%c means nothing: there are \n, \r, \t, and \\ for a backslash`, r)
			}
			b.WriteByte("\n\r\t\\"[which])
			text = text[1:]
		}
		*p = b.String()
		return nil
	}
	return notation{get, set}
}

// columnsOf reads and writes names of columns. Setting it adds to the columns that are there.
func columnsOf(c *corpus.Columns) notation {
	get := func() string { return c.String() }
	set := func(text string) (err error) {
		columns, err := c.ParseColumns(text)
		if len(columns) > 0 {
			*c = columns
		}
		return err
	}
	return notation{get, set}
}

// blocksOf reads and writes blocks as numbers and ranges with commas between.
func blocksOf(a *pedestrian.AdapterConfig) notation {
	get := func() string {
		var parts []string
		for i := 0; i < len(a.Layers); {
			j := i
			for j+1 < len(a.Layers) && a.Layers[j+1] == a.Layers[j]+1 {
				j++
			}
			part := strconv.Itoa(a.Layers[i])
			if j > i {
				part += "-" + strconv.Itoa(a.Layers[j])
			}
			parts = append(parts, part)
			i = j + 1
		}
		return strings.Join(parts, ",")
	}
	set := func(text string) error {
		a.Layers = nil
		for part := range strings.SplitSeq(text, ",") {
			if text == "" {
				break
			}
			first, last, ranged := strings.Cut(strings.TrimSpace(part), "-")
			from, err := strconv.Atoi(first)
			to, err2 := from, error(nil)
			if ranged {
				to, err2 = strconv.Atoi(last)
			}
			if err != nil || err2 != nil || to < from || to > 1<<16 {
				return errors.New("write numbers of blocks and ranges, such as 0-3,5")
			}
			for ; from <= to; from++ {
				a.Layers = append(a.Layers, from)
			}
		}
		return nil
	}
	return notation{get, set}
}
