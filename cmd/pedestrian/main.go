// Pedestrian is the command line of the module: it verifies the gradients of the
// paper, trains and samples small GPTs, counts parameters and explains equations.
//
// It exits with 0 when all went well, 1 when the work failed (a gradient is
// wrong, the disk is full) and 2 when it was asked wrongly (a flag, a setting, a file that is
// not there, may not be read or is not text, more than fits into memory).
// What a signal has stopped exits with 128 and the signal's number, after it has saved:
// 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/pedestrian-ml/pedestrian/internal/memory"
	"github.com/pedestrian-ml/pedestrian/model"
)

// A usageError is a mistake in how the program was called: exit code 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func main() {
	memory.Collect()
	memory.Watch(func(r memory.Room) {
		fmt.Fprintf(os.Stderr, "pedestrian: out of memory: %s are %s, and more is needed: raise the limit, or give less to do\n", memory.Size(r.Bytes), r.Bound)
		os.Exit(2)
	})
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is main with its surroundings as arguments; it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	return runOn(args, newOutput(stdout), newOutput(stderr))
}

func runOn(args []string, out, stderr *output) int {
	root := newRootCmd()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(stderr)
	err := checkCommand(root, args)
	if err == nil {
		err = root.Execute()
	}
	if err == nil && out.err != nil {
		err = fmt.Errorf("writing standard output: %w", out.err)
	}
	if err == nil {
		return 0
	}
	if v := verdictError(0); errors.As(err, &v) {
		return int(v)
	}
	fmt.Fprintf(verbatim(stderr), "pedestrian: %s\n", oneLine(err))
	if s := (stopError{}); errors.As(err, &s) {
		return s.by.code()
	}
	if askedWrongly(err) && !refusedBySystem(err) || errors.As(err, new(*memory.Short)) {
		return 2
	}
	return 1
}

// askedWrongly says whether err is a mistake in how the program was called.
func askedWrongly(err error) bool {
	return errors.As(err, new(usageError)) || errors.As(err, new(*model.InputError))
}

// refusedBySystem says whether the question was in order and the disk was not.
func refusedBySystem(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EIO)
}

// oneLine keeps an error to one line, whatever was wrapped into it.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// takesArguments is the annotation of a command that has commands below it and takes
// arguments too.
const takesArguments = "arguments"

// checkCommand refuses a command that does not exist even where --help follows, which
// would show the help of what is above it.
func checkCommand(root *cobra.Command, args []string) error {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd(args...)
	cmd, rest, err := root.Find(args)
	if err != nil || !cmd.HasSubCommands() || cmd.Annotations[takesArguments] != "" || len(rest) == 0 || strings.HasPrefix(rest[0], "-") || strings.HasPrefix(rest[0], "__") {
		return nil // what is wrong, if anything, is found when it is executed
	}
	return unknownCommand(cmd, rest[0])
}

// unknownCommand is the error of a command below cmd that does not exist.
func unknownCommand(cmd *cobra.Command, name string) error {
	hint := fmt.Sprintf("%q alone lists the commands", cmd.CommandPath())
	if s := cmd.SuggestionsFor(name); name != "" && len(s) > 0 {
		hint = fmt.Sprintf("did you mean %q?", s[0])
	}
	return usagef("unknown command %q: %s", strings.TrimPrefix(cmd.CommandPath()+" "+name, "pedestrian "), hint)
}

const firstScreen = `pedestrian: transformers, on foot.

Backpropagation through a GPT, written by hand: every gradient is derived, stands
beside its forward pass, and is checked against finite differences and against a
second implementation. Nothing here uses automatic differentiation.

  pedestrian tour        all of it in two to four minutes: verify, train, write a story
  pedestrian verify      check every gradient of the paper; plant 48 bugs, catch them
  pedestrian train       train a GPT on the built-in stories or on your text
  pedestrian finetune    go on from a trained network or a GPT-2 with your data: LoRA, or all of it
  pedestrian sample      let a trained model write
  pedestrian chat        talk with a model that learnt conversations
  pedestrian eval        how well a model predicts a text, or answers questions
  pedestrian import      a GPT-2 of transformers or llm.c; export, inspect: the ways back and a look
  pedestrian checkpoint  list, verify and prune what a run has saved
  pedestrian merge       make one network of a base and its adapter
  pedestrian download    fetch a model or an adapter from the Hugging Face hub
  pedestrian tokenizer   see how a text is cut into tokens; learn a vocabulary
  pedestrian data        look at examples before training: what is learnt, how they fill rows
  pedestrian params      count parameters, term by term
  pedestrian explain     one equation: what it says, where it is, how it is checked
  pedestrian derive      type a gradient: is it right, why, and where it went wrong
  pedestrian bench       this machine's limits, and how close a training step comes

Start with "pedestrian tour"; "pedestrian COMMAND --help" says what you will see.
Exit codes: 0 done, 1 failed, 2 asked wrongly, 130 stopped by Ctrl-C and saved (128
and the number of any signal). NO_COLOR, COLUMNS and --json are respected.
`

func newRootCmd() *cobra.Command {
	root := &cobra.Command{
		Use:           "pedestrian",
		Short:         "Transformers, on foot: a GPT with hand-derived gradients",
		Long:          firstScreen,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			_, err := io.WriteString(cmd.OutOrStdout(), cmd.Long)
			return err
		},
	}
	root.PersistentPreRunE = func(cmd *cobra.Command, args []string) error { return checkFlags(cmd) }
	root.SuggestionsMinimumDistance = 2
	root.SetVersionTemplate("pedestrian {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if n := (*strconv.NumError)(nil); errors.As(err, &n) { // the name of a Go function is no help
			must := numbers[n.Func]
			if errors.Is(n, strconv.ErrRange) {
				must += " that fits 64 bits"
			}
			err = fmt.Errorf("%s: it must be %s", strings.TrimSuffix(err.Error(), ": "+n.Error()), must)
		}
		return usagef("%w: see \"%s --help\"", err, cmd.CommandPath())
	})
	root.AddCommand(
		newTourCmd(),
		newVerifyCmd(),
		newTrainCmd(),
		newFinetuneCmd(),
		newSampleCmd(),
		newChatCmd(),
		newEvalCmd(),
		newCheckpointCmd(),
		newMergeCmd(),
		newDownloadCmd(),
		newTokenizerCmd(),
		newImportCmd(),
		newExportCmd(),
		newInspectCmd(),
		newDataCmd(),
		newParamsCmd(),
		newExplainCmd(),
		newDeriveCmd(),
		newBenchCmd(),
	)
	root.SetHelpCommand(newHelpCmd(root))
	unfillAll(root)
	return root
}

// numbers is what package strconv's functions read.
var numbers = map[string]string{
	"ParseInt": "a whole number", "ParseUint": "a whole number that is not negative", "ParseFloat": "a number", "ParseBool": "true or false",
}

// newHelpCmd is "pedestrian help COMMAND".
func newHelpCmd(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "The help of a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return usagef("unknown command %q: \"pedestrian\" alone lists the commands", strings.Join(args, " "))
			}
			about.InitDefaultHelpFlag() // as cobra does for --help
			return about.Help()
		},
	}
}

// noArgs refuses arguments, as a usage error.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%q is not something %s takes: see \"%s --help\"", args[0], cmd.CommandPath(), cmd.CommandPath())
	}
	return nil
}
