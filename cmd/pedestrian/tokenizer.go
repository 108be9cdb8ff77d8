package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/pedestrian-ml/pedestrian/internal/memory"
	"github.com/pedestrian-ml/pedestrian/token"
	"github.com/pedestrian-ml/pedestrian/train"
)

func newTokenizerCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tokenizer",
		Short: "Show the tokens of a text; learn a vocabulary from a text",
		Long: `A network reads numbers: a tokenizer cuts text into tokens, each with a number. The
tokenizers here are BPE, as in GPT-2 and Llama: words are split into bytes or characters,
and frequent neighbours are merged, in the order in which the merges were learnt.`,
		Example: "  pedestrian tokenizer show \"The king's unbelievable hat\"\n  pedestrian tokenizer train book.txt --vocab 2000 --out tokens",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newTokenizerShowCmd(), newTokenizerTrainCmd(), newTokenizerShardCmd())
	return cmd
}

func newTokenizerShowCmd() *cobra.Command {
	var name, file string
	var markup, ids, asJSON bool
	cmd := &cobra.Command{
		Use:   "show [TEXT]…",
		Short: "Show the tokens of a text",
		Long: `Cuts a text into tokens: the arguments, a file, or standard input.

You will see the text with a bar between tokens (spaces as ␣, line ends as \n, the
bytes of a character that was cut in two as \x..), then the id of each token. Without
--markup the text of a special token, such as <|endoftext|>, is ordinary text.`,
		Example: "  pedestrian tokenizer show \"The king's unbelievable hat\"\n  pedestrian tokenizer show --file book.txt --ids\n  pedestrian tokenizer show --tokenizer ./tokens/ --json \"to be or not to be\"",
		RunE: func(cmd *cobra.Command, args []string) error {
			if file != "" && len(args) > 0 {
				return usagef("give a text or --file, not both")
			}
			t, err := openTokenizer(name)
			if err != nil {
				return err
			}
			text, err := textOf(cmd.InOrStdin(), file, args)
			if err != nil {
				return err
			}
			encode := t.Encode
			if markup {
				encode = t.EncodeMarkup
			}
			tokens, err := encode(text)
			if err != nil {
				return usageError{err}
			}
			w := cmd.OutOrStdout()
			switch {
			case asJSON:
				if err := memory.Ask(jsonToken*int64(len(tokens)), fmt.Sprintf("%d tokens in one JSON object need", len(tokens)), "give less text, or --ids"); err != nil {
					return err
				}
				return writeJSON(w, cutOf(name, t, text, tokens))
			case ids:
				b := bufio.NewWriter(w)
				for _, id := range tokens {
					fmt.Fprintln(b, id)
				}
				return b.Flush()
			default:
				showTokens(w, name, t, text, tokens)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&name, "tokenizer", train.GPT2, "gpt2, bytes, or the path of a tokenizer.json or of a directory with one")
	f.StringVar(&file, "file", "", "the file to read the text from; - is standard input")
	f.BoolVar(&markup, "markup", false, "special tokens that are written out in the text are tokens")
	f.BoolVar(&ids, "ids", false, "print the ids alone, one a line")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// openTokenizer makes the tokenizer of a name or a path.
func openTokenizer(name string) (*token.Tokenizer, error) {
	t, err := train.OpenTokenizer(name)
	return t, usage(err)
}

// textOf is the text that the command line means.
func textOf(stdin io.Reader, file string, args []string) (string, error) {
	if len(args) > 0 {
		return strings.Join(args, " "), nil
	}
	if file != "" && file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", usageError{err}
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			if err := memory.Ask((1+shownBeside)*info.Size(), fmt.Sprintf("%s: its %d bytes of text and their tokens need", file, info.Size()), "give less of it"); err != nil {
				return "", err
			}
		}
		text, err := readWhole(f, file)
		if err != nil {
			return "", usageError{err}
		}
		return text, nil
	}
	if f, ok := stdin.(*os.File); ok && file == "" && isTerminal(f) {
		return "", usagef(`no text: give it as an argument, such as "to be", or with --file`)
	}
	return readWhole(stdin, "standard input")
}

// shownBeside is how many bytes the tokens of a byte of text take at most, while it is
// encoded and shown.
const shownBeside = 4

// readWhole reads in to its end, as long as there is room for what it says.
func readWhole(in io.Reader, name string) (string, error) {
	var text strings.Builder
	block, next := make([]byte, 1<<20), memory.Small
	for {
		n, err := in.Read(block)
		text.Write(block[:n])
		if err == io.EOF {
			return text.String(), nil
		}
		if err == nil && text.Len() > next {
			next = 2 * text.Len()
			err = memory.Ask(int64(next)+shownBeside*int64(text.Len()), fmt.Sprintf("%s: more than %d bytes of text and their tokens need", name, text.Len()), "give less of it")
		}
		if err != nil {
			return "", err
		}
	}
}

// A shownToken is a token as --json prints it.
type shownToken struct {
	ID      int32  `json:"id"`
	Piece   string `json:"piece"`           // U+FFFD for bytes that are no whole character
	Bytes   []int  `json:"bytes,omitempty"` // where piece cannot say it
	Special bool   `json:"special,omitempty"`
}

// jsonToken is about how many bytes a token takes until it is printed as JSON.
const jsonToken = 256

// A cut is a text and its tokens.
type cut struct {
	Tokenizer string       `json:"tokenizer"`
	Kind      string       `json:"kind"`
	Vocab     int          `json:"vocab"`
	Bytes     int          `json:"bytes"`
	Tokens    []shownToken `json:"tokens"`
}

func cutOf(name string, t *token.Tokenizer, text string, ids []int32) cut {
	c := cut{name, t.Kind(), t.Vocab(), len(text), []shownToken{}}
	for _, id := range ids {
		s := shownToken{ID: id, Piece: t.Token(id), Special: t.IsSpecial(id)}
		if !utf8.ValidString(s.Piece) {
			for _, b := range []byte(s.Piece) {
				s.Bytes = append(s.Bytes, int(b))
			}
			s.Piece = strings.ToValidUTF8(s.Piece, "\ufffd")
		}
		c.Tokens = append(c.Tokens, s)
	}
	return c
}

// showTokens prints the text with bars between tokens, then ids with their pieces.
func showTokens(w io.Writer, name string, t *token.Tokenizer, text string, ids []int32) {
	p := newPainter(w)
	about := fmt.Sprintf("%s, %s of %s tokens: %s bytes of text", p.bold(name), t.Kind(), commas(t.Vocab()), commas(len(text)))
	if len(ids) == 0 {
		fmt.Fprintln(w, about)
		return
	}
	fmt.Fprintf(w, "%s, %s tokens, %.2f bytes a token.\n\n", about, commas(len(ids)), float64(len(text))/float64(len(ids)))
	var lines [2]strings.Builder // pieces above, ids below
	flush := func() {
		for i := range lines {
			if lines[i].Len() > 0 {
				fmt.Fprintln(w, strings.TrimRight(lines[i].String(), " "))
			}
			lines[i].Reset()
		}
	}
	used, width := 0, terminalWidth(w)
	for i, id := range ids {
		piece, number := spelled(t.Token(id)), strconv.Itoa(int(id))
		cells := max(utf8.RuneCountInString(piece), len(number))
		if used > 0 && used+cells+1 > width {
			flush()
			used = 0
		}
		used += cells + 1
		bar := "|"
		if i == len(ids)-1 {
			bar = ""
		}
		lines[0].WriteString(piece + strings.Repeat(" ", cells-utf8.RuneCountInString(piece)) + bar)
		lines[1].WriteString(p.dim(number + strings.Repeat(" ", cells-len(number)+1)))
	}
	flush()
}

// spelled is a piece of text with everything in it to be seen.
func spelled(piece string) string {
	var b strings.Builder
	for i := 0; i < len(piece); {
		r, size := utf8.DecodeRuneInString(piece[i:])
		switch {
		case r == ' ':
			b.WriteRune('␣')
		case size == 1 && r == utf8.RuneError:
			fmt.Fprintf(&b, `\x%02x`, piece[i])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
		i += size
	}
	return b.String()
}
