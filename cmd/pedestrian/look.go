package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
	"github.com/pedestrian-ml/pedestrian/studio"
	"github.com/pedestrian-ml/pedestrian/studio/live"
	"github.com/pedestrian-ml/pedestrian/studio/sheet"
)

// A lookCommand holds the flags of look.
type lookCommand struct {
	screen, html, preset string
	block, head          int
	mean, json           bool
	newest, check        bool
}

func newLookCmd() *cobra.Command {
	var l lookCommand
	var screens []string
	for _, s := range sheet.Screens {
		screens = append(screens, fmt.Sprintf("  %-12s %s", s[0], s[1]))
	}
	cmd := &cobra.Command{
		Use:   `look [MODEL] ["my text"]`,
		Short: "Both passes of one text, in the terminal or as a page in one file",
		Long: `Shows both passes of one text through a network that is small enough to be read: the
values a_0 … a_12 down, the errors Δ_12 … Δ_1 up, each error at the height of its value, and ρ
of the head with most to see beside the error on its scores. It says first what loss is
differentiated.

MODEL is a run or a checkpoint of yours, a directory of Hugging Face, or a model in its cache: a
network of GPT-2's kind with at most a million parameters. Without MODEL it is the lesson's, of
twelve words. Without a text the network reads one of its own kind.

Every screen of the studio has its text here, under the name that its address has:

` + strings.Join(screens, "\n") + `

An address of the studio, from "#/" on, shows the same place: with the edits in it, and what it
sets there, such as knob=2 and broken=1 of a law, rank, alpha and steps of an adapter, net of the
parameters, step, seed and rates of a training, cell=5,2 of a curve, or an answer. With diff=1
maps show what the edits changed. In the place of an address there may be the file of a session,
which the page saved as JSON: it is the address with all that was set. With --html the tables are written as a page in one file, which
needs no network and runs no program.`,
		Example: "  pedestrian look\n  pedestrian look \"the dog ran to the door\"\n  pedestrian look runs/story-1 \"One day Ada\"\n  pedestrian look --screen table/1 --head 0\n  pedestrian look --screen cell/b0.h1.rho/5,2\n  pedestrian look --screen laws/rows\n  pedestrian look '#/table/1?edit=b0.h1.rho:5,2=.2&diff=1'\n  pedestrian look '#/train?step=100'\n  pedestrian look studio-session.json\n  pedestrian look \"a cat sat\" --html cat.html",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 2 || len(args) == 2 && !namesModel(args[0]) {
				return usagef("look takes a MODEL and one text: put the text in quotes")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return l.run(cmd, args)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&l.screen, "screen", "block", "what is shown, see above")
	f.StringVar(&l.html, "html", "", "write a page into this new file")
	f.BoolVar(&l.json, "json", false, "print the screen as one JSON document")
	f.StringVar(&l.preset, "preset", "", "the network: lesson, paper, or story, which is trained here (default lesson)")
	f.BoolVar(&l.newest, "newest", false, "of a run, the newest checkpoint instead of the best")
	f.BoolVar(&l.check, "check", false, "compare errors and gradients of MODEL with differences of the loss; it takes a minute or more (those of a preset always are compared)")
	f.BoolVar(&l.mean, "mean", false, "differentiate the mean of the losses, and not their sum")
	f.IntVar(&l.block, "block", 0, "the block that is shown, from 0 (default that of the head with most to see)")
	f.IntVar(&l.head, "head", 0, "the head that is shown, from 0 (default the one with most to see)")
	return cmd
}

func (l *lookCommand) run(cmd *cobra.Command, args []string) error {
	changed := cmd.Flags().Changed
	if l.html != "" && (l.json || changed("screen")) {
		return usagef("--html writes every table: leave out --json and --screen")
	}
	kernel.Use(kernel.Portable) // what trains here has the bits of the studio's page
	core, err := live.NewCore()
	if err != nil {
		return err
	}
	place := sheet.Link{Screen: l.screen, Block: -1, Head: -1}
	given := len(args) > 0 && namesModel(args[0])
	var session studioSession
	file, address := "", ""
	if n := len(args); n > 0 && namesSession(args[n-1]) {
		file = args[n-1]
		if session, err = readSession(file); err != nil {
			return err
		}
		address, args = session.Address, args[:n-1]
	} else if n > 0 && strings.Contains(args[n-1], "#/") {
		address, args = args[n-1], args[:n-1]
	}
	switch {
	case given && l.preset != "":
		return usagef("--preset and %s are two networks: choose one", args[0])
	case !given && (l.newest || l.check):
		return usagef("--newest and --check are about a MODEL: name it")
	case given:
		m, err := studioModel(cmd.Context(), args, l.newest, cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		core.More = append(core.More, m)
		place.State = studio.State{Model: m.Name, Mean: l.mean}
	}
	if address != "" {
		for _, name := range []string{"screen", "preset", "mean"} {
			if changed(name) {
				return usagef("--%s cannot be given with an address of the studio, which says it", name)
			}
		}
		if place, err = sheet.ParseLink(address); err != nil {
			return usageError{err}
		}
		if given && place.State.Model == "" {
			place.State.Model = core.More[len(core.More)-1].Name
		}
	} else if !given {
		place.State = studio.State{Model: l.preset, Mean: l.mean}
		if len(args) == 1 {
			if place.State.Tokens, err = wordsOf(core, l.preset, args[0]); err != nil {
				return err
			}
		}
	}
	if changed("block") {
		place.Block = l.block
	}
	if changed("head") {
		place.Head = l.head
	}
	s, err := sheet.Open(core, place)
	if err != nil {
		return usageError{err}
	}
	if file != "" {
		if err := session.isOf(file, s.Loss); err != nil {
			return err
		}
	}
	s.Checks = !given || l.check
	if err := s.Has(place.Screen); err != nil {
		return usageError{err}
	}
	out := cmd.OutOrStdout()
	switch {
	case l.html != "":
		if _, err := os.Lstat(l.html); err == nil {
			return usagef("--html: %s is there already: name a new file", l.html)
		}
		if err := durable.WriteFile(l.html, s.Page); err != nil {
			return fmt.Errorf("writing the page: %w", err)
		}
		fmt.Fprintf(out, "%s is written: open it in any browser.\n", l.html)
		return nil
	case l.json:
		d, err := s.Data(place.Screen)
		if err != nil {
			return lookError(err)
		}
		return writeJSON(out, d)
	}
	return lookError(s.Text(out, place.Screen, terminalOf(out)))
}

// lookError is err, as one of usage where the studio refused what was asked of a screen.
func lookError(err error) error {
	if refused := (*sheet.Refused)(nil); errors.As(err, &refused) {
		return usageError{err}
	}
	return err
}

// namesModel says whether an argument names a model and is no text and no session: it is a path that
// exists, or has a slash and no blank.
func namesModel(arg string) bool {
	if arg == "" || strings.Contains(arg, "#/") || namesSession(arg) {
		return false
	}
	_, err := os.Stat(arg)
	return err == nil || strings.Contains(arg, "/") && !strings.ContainsAny(arg, " \t\n")
}

// wordsOf is a text in the tokens of a preset: words, or of the story model characters.
func wordsOf(core *studio.Core, preset, text string) (tokens []int, err error) {
	models := slices.Concat(studio.Models, core.More)
	i := slices.IndexFunc(models, func(m *studio.Model) bool { return preset == "" || m.Name == preset })
	if i < 0 {
		return nil, nil // sheet.Open says so
	}
	m, words := models[i], strings.Fields(text)
	if m.Name == live.Story {
		words = strings.Split(strings.ReplaceAll(text, " ", "·"), "")
	}
	for _, word := range words {
		k := slices.Index(m.Words, word)
		if k < 0 {
			return nil, usagef("%s does not know %q: it knows %s", m.Title, word, strings.Join(m.Words, ", "))
		}
		tokens = append(tokens, k)
	}
	if len(tokens) == 0 {
		return nil, usagef("the text is empty: leave it out for the network's own")
	}
	return tokens, nil
}

// terminalOf is what a sheet is printed for at w.
func terminalOf(w io.Writer) sheet.Terminal {
	t := sheet.Terminal{Width: max(60, min(terminalWidth(w), 120))}
	if newPainter(w) {
		t.Colours = 256
		if c := os.Getenv("COLORTERM"); c == "truecolor" || c == "24bit" {
			t.Colours = 1 << 24
		}
	}
	return t
}
