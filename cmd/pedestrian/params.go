package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/pedestrian-ml/pedestrian"
)

// paperNetwork is the GPT-2 that §7 of the paper counts: the sizes of GPT-2 small,
// with a logits layer and a logits bias of its own.
var paperNetwork = pedestrian.Config{Vocab: 50257, Context: 1024, Width: 768, Heads: 12, Blocks: 12,
	Activation: pedestrian.GELUTanh, Eps: 1e-5, Bias: true, LogitsBias: true}

// A count is one figure of the summary below a ledger.
type count struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
	Note  string `json:"note,omitempty"`
}

func newParamsCmd() *cobra.Command {
	c := paperNetwork
	var noBias, noLogitsBias, asJSON bool
	var model string
	var rank int
	var targets []string
	cmd := &cobra.Command{
		Use:   "params",
		Short: "Count parameters, term by term",
		Long: `Counts the parameters of a network of any size, term by term (§7 of the paper), and
those of a LoRA adapter for it. Without flags it counts the GPT-2 of the paper, and prints
every figure that the paper states. --model takes the sizes of a published network; the
adapter is then for the layers of the blocks, and the memory of a training step is printed
below the counts.

You will see a table with one line for each layer (its formula, its count, how often it
occurs), then the totals.`,
		Example: "  pedestrian params\n  pedestrian params --width 128 --heads 4 --blocks 4 --vocab 65 --context 64 --tied --no-bias\n  pedestrian params --rank 8 --targets q,v --json\n  pedestrian params --model smollm2-135m",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if model != "" {
				for _, name := range []string{"vocab", "context", "width", "heads", "blocks", "key-dim", "hidden", "tied", "no-bias", "no-logits-bias"} {
					if cmd.Flags().Changed(name) {
						return usagef("--%s and --model: a published network has sizes of its own", name)
					}
				}
				known := false
				if c, known = published[strings.ToLower(model)]; !known {
					return usagef("--model is %q: choose one of %s", model, publishedNames())
				}
			} else {
				c.Bias, c.LogitsBias = !noBias, !noLogitsBias && !noBias
				if c.Tied && !cmd.Flags().Changed("no-logits-bias") {
					c.LogitsBias = false // as in GPT-2
				}
			}
			if err := c.Validate(); err != nil {
				return usageError{err}
			}
			a := pedestrian.AdapterConfig{Rank: rank, Alpha: 1, Scaling: pedestrian.ScaleRank}
			for _, t := range targets {
				a.Targets = append(a.Targets, pedestrian.Target(strings.TrimSpace(t)))
			}
			if slices.Equal(targets, []string{"all"}) {
				a.Targets = c.Targets()
				if model != "" {
					a.Targets = slices.DeleteFunc(a.Targets, func(t pedestrian.Target) bool { return t == pedestrian.TargetLogits })
				}
			}
			if err := a.ValidateFor(c); err != nil {
				return usageError{err}
			}
			if asJSON {
				content := map[string]any{
					"config": c, "ledger": c.Ledger(), "adapter": a, "adapter_ledger": a.Ledger(c), "totals": totals(c, a)}
				if model != "" {
					steps, err := forecasts(c, a)
					if err != nil {
						return err
					}
					content["steps"] = steps
				}
				return writeJSON(cmd.OutOrStdout(), content)
			}
			printLedger(cmd.OutOrStdout(), c, a)
			if model != "" {
				return printForecasts(cmd.OutOrStdout(), c, a)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&model, "model", "", "the sizes of a published network: "+publishedNames())
	f.IntVar(&c.Vocab, "vocab", c.Vocab, "n_vocab, distinct tokens")
	f.IntVar(&c.Context, "context", c.Context, "n_context, longest sequence")
	f.IntVar(&c.Width, "width", c.Width, "d, features of a token")
	f.IntVar(&c.Heads, "heads", c.Heads, "n_h, attention heads")
	f.IntVar(&c.Blocks, "blocks", c.Blocks, "n_blocks, transformer blocks")
	f.IntVar(&c.KeyDim, "key-dim", 0, "d_ρ, features of one head's queries and keys (0 = d/n_h)")
	f.IntVar(&c.Hidden, "hidden", 0, "features after FC_expand (0 = 4d)")
	f.BoolVar(&c.Tied, "tied", false, "tie the logits to the token embedding, without a logits bias")
	f.BoolVar(&noBias, "no-bias", false, "no biases anywhere")
	f.BoolVar(&noLogitsBias, "no-logits-bias", false, "no bias on the logits")
	f.IntVar(&rank, "rank", 16, "r of the LoRA adapter")
	f.StringSliceVar(&targets, "targets", []string{"all"}, "layers that the adapter stands beside: q,k,v or the three as one, qkv; attProj,expand,contract,logits; gate,up,down of a gated network")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// totals are the figures that §7 quotes, for any sizes.
func totals(c pedestrian.Config, a pedestrian.AdapterConfig) []count {
	all := c.Ledger().Total()
	minimal, tied, head := c, c, a
	minimal.Blocks = 1
	tied.Tied, tied.LogitsBias = true, false
	head.Targets = []pedestrian.Target{pedestrian.TargetLogits}
	logits := c.Width * c.Vocab
	if c.LogitsBias {
		logits += c.Vocab
	}
	share := func(n, of int) string { return fmt.Sprintf("%.1f %% of %s", 100*float64(n)/float64(of), commas(of)) }
	loraHead, lora := head.Ledger(c).Total(), a.Ledger(c).Total()
	return []count{
		{"one transformer block", c.BlockLedger().Total(), ""},
		{"minimal network, 1 block", minimal.Ledger().Total(), ""},
		{fmt.Sprintf("this network, %d %s", c.Blocks, plural(c.Blocks, "block")), all, fmt.Sprintf("%.2f × the minimal one", float64(all)/float64(minimal.Ledger().Total()))},
		{"FC_logits, when it is a layer of its own", logits, ""},
		{"the network with tied logits, no logits bias", tied.Ledger().Total(), fmt.Sprintf("%+.1f %%", 100*(float64(tied.Ledger().Total())/float64(all)-1))},
		{"key biases that cannot learn, eq. (29)", c.KeyBiasesWithoutGradient(), ""},
		{fmt.Sprintf("LoRA on the logits alone, r = %d", a.Rank), loraHead, share(loraHead, logits)},
		{fmt.Sprintf("LoRA on %s, r = %d", joinTargets(c, a.Targets), a.Rank), lora, share(lora, all) + ", " + fmt.Sprintf("%.1f %%", 100*(float64(lora)/float64(all)-1)) + " to train"},
		{"this network and that adapter together", all + lora, ""},
	}
}

func joinTargets(c pedestrian.Config, ts []pedestrian.Target) string {
	if slices.Equal(ts, c.Targets()) {
		return "every FC layer"
	}
	names := make([]string, len(ts))
	for i, t := range ts {
		names[i] = string(t)
	}
	return strings.Join(names, ", ")
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

func printLedger(w io.Writer, c pedestrian.Config, a pedestrian.AdapterConfig) {
	fmt.Fprintf(w, "d = %d, n_h = %d, d_h = %d, d_ρ = %d, n_blocks = %d, n_vocab = %d, n_context = %d\n\n",
		c.Width, c.Heads, c.ValueDim(), c.QueryDim(), c.Blocks, c.Vocab, c.Context)
	t := plainTable(w)
	t.AppendHeader(table.Row{"layer", "formula", "each", "times", "in all"})
	for _, row := range c.Ledger() {
		name := strings.Replace(row.Name, "(tied to the token embedding)", "(tied)", 1) // 80 columns
		t.AppendRow(table.Row{name, row.Formula, commas(row.Count), row.Times, commas(row.Total())})
	}
	t.AppendSeparator()
	t.AppendRow(table.Row{"all parameters", "", "", "", commas(c.Ledger().Total())})
	rightAlign(t, 3, 4, 5)
	t.Render()
	fmt.Fprintln(w)
	t = plainTable(w)
	for _, n := range totals(c, a) {
		t.AppendRow(table.Row{n.Name, commas(n.Count), n.Note})
	}
	rightAlign(t, 2)
	t.Render()
}

// plainTable is a table without borders whose lines end with their text.
func plainTable(w io.Writer) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(&trimmer{w: w})
	t.SetStyle(table.StyleDefault)
	s := t.Style()
	s.Options = table.OptionsNoBordersAndSeparators
	s.Options.SeparateHeader = true
	s.Format.Header = text.FormatDefault
	s.Box.PaddingLeft, s.Box.PaddingRight = "", "  "
	return t
}

func rightAlign(t table.Writer, columns ...int) {
	var cs []table.ColumnConfig
	for _, n := range columns {
		cs = append(cs, table.ColumnConfig{Number: n, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(cs)
}

// A trimmer drops blanks at the ends of lines, and writes whole lines alone: a table ends
// with a line whose end comes by itself.
type trimmer struct {
	w    io.Writer
	held string // of a line
}

func (t *trimmer) Write(p []byte) (int, error) {
	lines := strings.Split(t.held+string(p), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	t.held = lines[len(lines)-1]
	lines[len(lines)-1] = ""
	_, err := io.WriteString(t.w, strings.Join(lines, "\n"))
	return len(p), err
}
