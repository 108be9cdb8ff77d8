package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/token"
)

func newTokenizerTrainCmd() *cobra.Command {
	o := token.TrainOptions{Vocab: 4096, MinCount: 2}
	var out string
	var asJSON, noEnd bool
	cmd := &cobra.Command{
		Use:   "train TEXT…",
		Short: "Learn a vocabulary from texts",
		Long: `Learns a byte-level BPE vocabulary from text files, or from directories of them, and
writes it for Hugging Face's libraries: tokenizer.json, vocab.json, merges.txt and
tokenizer_config.json. These libraries cut texts into the same tokens.

You will see how many tokens were learnt, the longest of them, and how much shorter the
texts are in tokens. The same texts always give the same vocabulary. It is the one that
Hugging Face's BpeTrainer learns with the same settings.`,
		Example: "  pedestrian tokenizer train book.txt --vocab 2000 --out tokens\n  pedestrian train --data book.txt --tokenizer ./tokens/",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("no text: give a file, or a directory of files")
			}
			if _, err := os.Lstat(out); err == nil {
				return usagef("%s is there already: choose another --out", out)
			}
			if !noEnd && !slices.Contains(o.Specials, "<|endoftext|>") {
				o.Specials = append([]string{"<|endoftext|>"}, o.Specials...)
			}
			texts := make([]string, len(args))
			for i, path := range args {
				text, err := corpus.LoadReserving(path, 4)
				if err != nil {
					return usageError{err}
				}
				texts[i] = text
			}
			t, err := token.TrainBPE(slices.Values(texts), o)
			if err != nil {
				return usageError{err}
			}
			if err := t.SaveDir(out); err != nil {
				return err
			}
			r, err := learntFrom(t, texts, out)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), r)
			}
			r.print(cmd.OutOrStdout(), o.Vocab, args)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&out, "out", "tokens", "the directory to write; it must not be there yet")
	f.IntVar(&o.Vocab, "vocab", o.Vocab, "tokens: special ones, 256 bytes, and merges for the rest")
	f.IntVar(&o.MinCount, "min-count", o.MinCount, "occurrences that two neighbours need to be joined")
	f.StringArrayVar(&o.Specials, "special", nil, "a special token, such as \"<|user|>\"; may be given several times")
	f.StringVar(&o.EOS, "eos", "", "which special token ends a text (default <|endoftext|>)")
	f.BoolVar(&noEnd, "no-endoftext", false, "no <|endoftext|> among the special tokens")
	f.BoolVar(&o.PrefixSpace, "add-prefix-space", false, "put a space before texts that do not begin with one")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// A learnt is what the training of a tokenizer reports.
type learnt struct {
	Out     string   `json:"out"`
	Vocab   int      `json:"vocab"`
	Merges  int      `json:"merges"`
	Bytes   int      `json:"bytes"`
	Tokens  int      `json:"tokens"` // of the texts
	Longest []string `json:"longest"`
}

func learntFrom(t *token.Tokenizer, texts []string, out string) (learnt, error) {
	r := learnt{Out: out, Vocab: t.Vocab(), Merges: len(t.Merges())}
	for _, text := range texts {
		ids, err := t.Encode(text)
		if err != nil {
			return r, err
		}
		r.Bytes, r.Tokens = r.Bytes+len(text), r.Tokens+len(ids)
	}
	for id := range int32(t.Vocab()) {
		if !t.IsSpecial(id) {
			r.Longest = append(r.Longest, t.Token(id))
		}
	}
	slices.SortStableFunc(r.Longest, func(a, b string) int { return len(b) - len(a) })
	r.Longest = r.Longest[:min(8, len(r.Longest))]
	for i := range r.Longest {
		r.Longest[i] = spelled(r.Longest[i])
	}
	return r, nil
}

func (r learnt) print(w io.Writer, wanted int, texts []string) {
	fmt.Fprintf(w, "%s tokens, %s of them merges, kept in %s.\n", commas(r.Vocab), commas(r.Merges), r.Out)
	if r.Vocab < wanted {
		fmt.Fprintf(w, "%s were wanted: no other neighbours are frequent enough (--min-count).\n", commas(wanted))
	}
	fmt.Fprintf(w, "The longest: %s\n", strings.Join(r.Longest, "  "))
	fmt.Fprintf(w, "The text: %s bytes, %s tokens, %.2f bytes a token.\n", commas(r.Bytes), commas(r.Tokens), float64(r.Bytes)/float64(max(r.Tokens, 1)))
	fmt.Fprintf(w, "Next:   pedestrian train --data %s --tokenizer %s\n", texts[0], pathLike(r.Out))
}

// pathLike is path such that it cannot be taken for a name.
func pathLike(path string) string {
	if strings.ContainsRune(path, os.PathSeparator) {
		return path
	}
	return "." + string(os.PathSeparator) + path
}
