package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/token"
	"github.com/pedestrian-ml/pedestrian/train"
)

// A dataCommand holds the flags of data.
type dataCommand struct {
	examples
	tokenizer, val, showTemplate string
	window, show, width          int
	json                         bool
}

func newDataCmd() *cobra.Command {
	t := dataCommand{examples: newExamples()}
	cmd := &cobra.Command{
		Use:   "data FILE",
		Short: "Look at examples before training: what is learnt of them, how they fill rows",
		Long: `Reads examples as finetune does and says what it would learn from them. A file is
JSON Lines, a JSON list, CSV, TSV or Parquet, or a text, whose documents are divided
by the end-of-text mark; it may be compressed with gzip or zstd. The content of a
file shows its format. A directory stands for all of its files; ` + strings.Join(corpus.Samples(), " and ") + ` are
built-in data.

An example has the fields
  text                                    a text
  prompt, completion                      of which the completion is learnt
  messages                                a list of {"role", "content"}
  instruction, output (input, system)     as Alpaca has them
  conversations (system)                  a list of {"from", "value"}: ShareGPT
If a file has other names, give them with --map, as in
--map prompt=question,completion=answer,
or instruction=question,output=answer for a conversation.

You will see the numbers of documents and tokens, the fraction that is learnt, how
documents fill rows, warnings, and the first examples. Learnt tokens are in colour, or in
⟦brackets⟧ where there is no colour. Nothing is trained.

A conversation is written as text by a template: ` + strings.Join(corpus.Templates(), ", ") + `, or a file of
your own. --show-template prints one, which you can change.`,
		Example: "  pedestrian data chats.jsonl\n  pedestrian data chats.jsonl --template chatml --tokenizer ./model/ --window 512\n  pedestrian data faq.csv.gz --map prompt=question,completion=answer\n  pedestrian data stories.txt --separator '\\n\\n' --tokenizer bytes -n 1\n  pedestrian data --show-template plain",
		Args: func(cmd *cobra.Command, args []string) error {
			if t.showTemplate != "" && len(args) == 0 {
				return nil
			}
			if len(args) != 1 {
				return usagef("data takes one file or directory, not %d: see \"%s --help\"", len(args), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if t.showTemplate != "" {
				return t.printTemplate(cmd.OutOrStdout())
			}
			return t.run(args[0], cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&t.tokenizer, "tokenizer", train.GPT2, "gpt2, bytes, or the path of a tokenizer.json or of a directory with one")
	t.examples.addFlags(f, "begin", "packing", "long")
	f.IntVar(&t.window, "window", 1024, "tokens of a row")
	f.StringVar(&t.val, "val", "", "examples for validation, whose documents must not be in FILE too")
	f.IntVarP(&t.show, "n", "n", 3, "examples to show")
	f.IntVar(&t.width, "tokens", 200, "the most tokens of an example to show (0 = all)")
	f.StringVar(&t.showTemplate, "show-template", "", "only print a built-in template")
	f.BoolVar(&t.json, "json", false, "print JSON")
	return cmd
}

func (t *dataCommand) printTemplate(w io.Writer) error {
	source, ok := corpus.TemplateSource(t.showTemplate)
	if !ok {
		return usagef("there is no template %q: choose one of %s", t.showTemplate, strings.Join(corpus.Templates(), ", "))
	}
	_, err := io.WriteString(w, source)
	return err
}

// A dataReport is what data found, as --json prints it.
type dataReport struct {
	Source    string `json:"source"`
	Tokenizer string `json:"tokenizer"`
	*corpus.Report
	columns  corpus.Columns
	Window   int              `json:"window"`
	Rows     corpus.PackStats `json:"rows"`
	Examples []shownExample   `json:"examples"`
	Overlap  []corpus.Place   `json:"overlap,omitempty"` // validation documents that are in training too
}

type shownExample struct {
	At    corpus.Place  `json:"at"`
	Spans []corpus.Span `json:"spans"`
	More  int           `json:"more,omitempty"` // tokens that are not shown
}

func (t *dataCommand) run(path string, w io.Writer) error {
	o, err := t.options()
	if err != nil {
		return usageError{err}
	}
	if corpus.IsShards(path) {
		return usagef("%s holds tokens, not text: there is nothing to look at but numbers", path)
	}
	tok, err := openTokenizer(t.tokenizer)
	if err != nil {
		return err
	}
	if o.Begin, err = corpus.Begin(tok, t.tuning.Begin); err != nil {
		return usageError{err}
	}
	x, r, err := corpus.LoadExamples(path, tok, o)
	if err != nil {
		return usageError{err}
	}
	report := dataReport{columns: o.Columns, Source: path, Tokenizer: t.tokenizer, Report: r, Window: t.window}
	report.Rows = corpus.Pack(x, t.window, corpus.PackOptions{Long: corpus.Long(t.tuning.Tuning.Long), Pad: t.tuning.Tuning.Packing == train.PackingOff}).Stats
	if report.Targets > 0 && report.Rows.Rows == 0 {
		report.Warnings = append(report.Warnings, fmt.Sprintf("no target is left in rows of %d tokens: choose a longer --window, or --long cut", t.window))
	}
	for i := range min(t.show, x.Len()) {
		tokens, learn := x.Document(i)
		n := len(tokens)
		if t.width > 0 {
			n = min(n, t.width)
		}
		report.Examples = append(report.Examples, shownExample{x.Place(i), corpus.Spans(tok, tokens[:n], learn[:n]), len(tokens) - n})
	}
	if t.val != "" {
		if err := t.compare(x, tok, o, &report); err != nil {
			return err
		}
	}
	if t.json {
		return writeJSON(w, report)
	}
	report.print(w)
	return nil
}

// options are what the flags say about reading.
func (t *dataCommand) options() (o corpus.ExampleOptions, err error) {
	u := t.tuning.Tuning
	if err := allow("packing", u.Packing, train.PackingOn, train.PackingOff); err != nil {
		return o, err
	}
	if err := allow("long", u.Long, string(corpus.LongCut), string(corpus.LongTruncate)); err != nil {
		return o, err
	}
	if t.window < 1 || t.window > 1<<20 || t.show < 0 || t.width < 0 {
		return o, fmt.Errorf("--window is %d, -n %d and --tokens %d: a row has 1 to %d tokens, and the others are not negative", t.window, t.show, t.width, 1<<20)
	}
	return t.examples.options(nil)
}

// compare looks for documents of validation that are trained on.
func (t *dataCommand) compare(x *corpus.Examples, tok *token.Tokenizer, o corpus.ExampleOptions, r *dataReport) error {
	val, _, err := corpus.LoadExamples(t.val, tok, o)
	if err != nil {
		return usageError{err}
	}
	r.Overlap = r.Compare(x, val)
	return nil
}

// print is the report for people.
func (r *dataReport) print(w io.Writer) {
	p := newPainter(w)
	about := fmt.Sprintf("%s: %s, tokenizer %s", p.bold(r.Source), map[corpus.Kind]string{
		corpus.KindText: "texts", corpus.KindPrompt: "prompts with completions", corpus.KindMessages: "conversations",
	}[r.Kind], r.Tokenizer)
	if r.Template != "" {
		about += ", template " + r.Template
	}
	fmt.Fprint(w, about+"\n\n")
	r.printSources(w)
	line := func(what string, n int, more string, args ...any) {
		if more != "" {
			more = "  " + p.dim(fmt.Sprintf(more, args...))
		}
		fmt.Fprintf(w, "  %-20s%12s%s\n", what, commas(n), more)
	}
	line("documents", r.Documents, "%.1f tokens on average", float64(r.Tokens)/float64(r.Documents))
	line("the longest", r.Longest, "tokens: %v", r.LongestAt)
	if r.Begin != "" {
		fmt.Fprintf(w, "  %-20s%12s  %s\n", "documents begin", "", p.dim("after "+visible(r.Begin)+", which is not learnt"))
	}
	line("tokens", r.Tokens, "")
	line("learnt", r.Targets, "%.1f %% of the tokens", 100*float64(r.Targets)/float64(r.Tokens))
	line("documents that end", r.Ends, "whose end is learnt")
	line(fmt.Sprintf("rows of %s", commas(r.Window)), r.Rows.Rows, "%.1f %% padding", 100*r.Rows.Padding)
	if r.Rows.Long > 0 {
		line("longer than a row", r.Rows.Long, "documents; %s targets are lost", commas(r.Rows.Lost))
	}
	if r.Rows.Skipped > 0 {
		line("skipped", r.Rows.Skipped, "documents, or pieces, with nothing learnt")
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(w, "\n%s %s\n", p.bad("!"), warning)
	}
	for _, e := range r.Examples {
		fmt.Fprintf(w, "\n%s\n", p.dim(e.At.String()))
		var shown strings.Builder
		for _, s := range e.Spans {
			text := visible(s.Text)
			switch {
			case s.Learn && bool(p):
				text = p.good(text)
			case s.Learn:
				text = "⟦" + text + "⟧"
			}
			shown.WriteString(text)
		}
		if e.More > 0 {
			shown.WriteString(p.dim(fmt.Sprintf("… %s tokens more", commas(e.More))))
		}
		for _, line := range wrap(shown.String(), terminalWidth(w)) {
			fmt.Fprintln(w, line)
		}
	}
}

// printSources says what the files were read as: one line for those that are alike.
func (r *dataReport) printSources(w io.Writer) {
	var lines []string
	count := map[string]int{}
	for _, s := range r.Sources {
		text := s.Format.String()
		if s.Packed != "" {
			text += " in " + s.Packed
		}
		if s.Layout == "Alpaca" || s.Layout == "ShareGPT" {
			text += ", as " + s.Layout + " has it"
		}
		if len(s.Columns) > 0 {
			text += ": " + strings.Join(r.named(s.Columns), ", ")
		}
		if count[text]++; count[text] == 1 {
			lines = append(lines, text)
		}
	}
	for _, text := range lines {
		label := "read as"
		if len(r.Sources) > 1 {
			label = fmt.Sprintf("%s %s", commas(count[text]), plural(count[text], "file"))
		}
		for i, line := range wrap(text, terminalWidth(w)-22) {
			if i > 0 {
				label = ""
			}
			fmt.Fprintf(w, "  %-20s%s\n", label, line)
		}
	}
}

// named are columns, with what they are in an example where that is another name.
func (r *dataReport) named(columns []string) (names []string) {
	for _, column := range columns {
		for name, c := range r.columns {
			if c == column && name != column {
				column = name + "=" + column
				break
			}
		}
		names = append(names, column)
	}
	return names
}
