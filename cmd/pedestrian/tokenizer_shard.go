package main

import (
	"errors"
	"fmt"
	"math"
	"os"

	"github.com/spf13/cobra"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/train"
)

func newTokenizerShardCmd() *cobra.Command {
	var name, out string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "shard TEXT…",
		Short: "Write texts as a token shard of llm.c",
		Long: `Cuts text files, or directories of them, into tokens and writes a token shard, the
file that llm.c trains on, with two bytes for each token. Before each document it writes
the token that begins a text, or else the one that ends it, if the tokenizer has one. A
document is a file, or the text between end-of-text marks such as <|endoftext|> on a line
of its own; such a mark is the token, not text.

You will see the numbers of documents and tokens.`,
		Example: "  pedestrian tokenizer shard book.txt --out book.bin\n  pedestrian train --data book.bin --tokenizer bytes --vocab 50257 --preset char",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || out == "" {
				return usagef("give a text and --out, the shard to write, such as --out train.bin")
			}
			t, err := openTokenizer(name)
			if err != nil {
				return err
			}
			if t.Vocab() > math.MaxUint16+1 {
				return usagef("the tokenizer has %d tokens, and two bytes tell %d apart", t.Vocab(), math.MaxUint16+1)
			}
			begin, err := corpus.Begin(t, "")
			if err != nil {
				return usageError{err}
			}
			text, err := corpus.LoadText(t, begin, 6, args...) // with the shard
			if err != nil {
				return usageError{err}
			}
			tokens, err := text.Encode(nil)
			if err != nil {
				return usageError{err}
			}
			if len(tokens) > math.MaxInt32 {
				return usagef("%d tokens are more than a shard can count, %d: write several", len(tokens), math.MaxInt32)
			}
			if err := writeNew(out, corpus.AppendShard(nil, tokens)); err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), map[string]any{"out": out, "tokens": len(tokens), "vocab": t.Vocab(), "documents": text.Documents(), "warnings": text.Warnings()})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s tokens of %s, %s\n", out, commas(len(tokens)), commas(t.Vocab()), count2(text.Documents(), "document"))
			for _, w := range text.Warnings() {
				fmt.Fprintf(cmd.OutOrStdout(), "  %s\n", w)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&name, "tokenizer", train.GPT2, "gpt2, bytes, or the path of a tokenizer.json or of a directory with one")
	f.StringVar(&out, "out", "", "the file to write")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// writeNew writes a file that must not be there.
func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return usageError{err}
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
