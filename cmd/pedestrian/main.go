// Pedestrian is the command line of the module: it verifies the gradients of the
// paper, trains and samples small GPTs, counts parameters and explains equations.
//
// It exits with 0 when all went well, 1 when the work failed (a gradient is
// wrong, a file cannot be read) and 2 when it was asked wrongly.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// A usageError is a mistake in how the program was called: exit code 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main with its surroundings as arguments; it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	root := newRootCmd()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.Execute()
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "pedestrian: %s\n", oneLine(err))
	if u := (usageError{}); errors.As(err, &u) {
		return 2
	}
	return 1
}

// oneLine keeps an error to one line, whatever was wrapped into it.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

const firstScreen = `pedestrian: transformers, on foot.

Backpropagation through a GPT, written by hand: every gradient is derived, stands
beside its forward pass, and is checked against finite differences and against a
second implementation. Nothing here uses automatic differentiation.

  pedestrian tour      all of it in about two minutes: verify, train, write a story
  pedestrian verify    check every gradient of the paper, and plant 25 bugs to see them caught
  pedestrian train     train a GPT on the built-in stories or on your text
  pedestrian sample    let a trained model write
  pedestrian params    count parameters, term by term
  pedestrian explain   one equation: what it says, where it is, how it is checked
  pedestrian bench     this machine's limits, and how close a training step comes

Start with "pedestrian tour"; "pedestrian COMMAND --help" says what you will see.
Exit codes: 0 done, 1 failed, 2 asked wrongly. NO_COLOR and --json are respected.
`

func newRootCmd() *cobra.Command {
	root := &cobra.Command{
		Use:           "pedestrian",
		Short:         "Transformers, on foot: a GPT with hand-derived gradients",
		Long:          firstScreen,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				hint := `"pedestrian" alone lists the commands`
				if s := cmd.SuggestionsFor(args[0]); len(s) > 0 {
					hint = fmt.Sprintf("did you mean %q?", s[0])
				}
				return usagef("unknown command %q: %s", args[0], hint)
			}
			_, err := io.WriteString(cmd.OutOrStdout(), firstScreen)
			return err
		},
	}
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w: see \"%s --help\"", err, cmd.CommandPath())
	})
	root.AddCommand(newTourCmd(), newVerifyCmd(), newTrainCmd(), newSampleCmd(), newCheckpointCmd(), newParamsCmd(), newExplainCmd(), newBenchCmd())
	return root
}

// noArgs refuses arguments, as a usage error.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%q is not something %s takes: see \"%s --help\"", args[0], cmd.CommandPath(), cmd.CommandPath())
	}
	return nil
}
