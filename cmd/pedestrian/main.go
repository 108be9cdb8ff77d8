// Pedestrian is the command line of the module: it verifies the gradients of the
// paper, trains and samples small GPTs, counts parameters and explains equations.
//
// The exit code is 0 for success, 1 for a failure (a gradient is wrong, the disk is full), and 2
// for wrong use (a flag, a setting, a file that does not exist, cannot be read or is not text,
// work that does not fit into memory). After a signal the command saves its work and exits
// with 128 plus the signal's number: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP.
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

// A usageError is a wrong use of the program; the exit code is 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func main() {
	memory.Collect()
	memory.Watch(func(r memory.Room) {
		fmt.Fprintf(os.Stderr, "pedestrian: out of memory: %s are %s, and more is needed: raise the limit, or use a smaller model or batch\n", memory.Size(r.Bytes), r.Bound)
		os.Exit(2)
	})
	exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is main with arguments and outputs as parameters. It returns the exit code.
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
	code := 1
	if s := (stopError{}); errors.As(err, &s) {
		code = s.by.code()
	} else if askedWrongly(err) && !refusedBySystem(err) || errors.As(err, new(*memory.Short)) {
		code = 2
	}
	complain(verbatim(stderr), err, code)
	return code
}

// askedWrongly says whether err is a wrong use of the program.
func askedWrongly(err error) bool {
	return errors.As(err, new(usageError)) || errors.As(err, new(*model.InputError))
}

// refusedBySystem says whether err is a failure of the disk, not of the arguments.
func refusedBySystem(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EIO)
}

// oneLine returns the text of an error without line ends.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// takesArguments is the annotation of a command that has commands below it and takes
// arguments too.
const takesArguments = "arguments"

// checkCommand returns an error for an unknown command. Without it an unknown command followed
// by --help would show the help of its parent.
func checkCommand(root *cobra.Command, args []string) error {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd(args...)
	cmd, rest, err := root.Find(args)
	if err != nil || !cmd.HasSubCommands() || cmd.Annotations[takesArguments] != "" || len(rest) == 0 || strings.HasPrefix(rest[0], "-") || strings.HasPrefix(rest[0], "__") {
		return nil // any other error is found when the command runs
	}
	return unknownCommand(cmd, rest[0])
}

// unknownCommand returns the error for an unknown subcommand of cmd.
func unknownCommand(cmd *cobra.Command, name string) error {
	hint := fmt.Sprintf("%q alone lists the commands", cmd.CommandPath())
	if s := cmd.SuggestionsFor(name); name != "" && len(s) > 0 {
		hint = fmt.Sprintf("did you mean %q?", s[0])
	}
	return usagef("unknown command %q: %s", strings.TrimPrefix(cmd.CommandPath()+" "+name, "pedestrian "), hint)
}

const firstScreen = `pedestrian: transformers with gradients derived by hand.

Every backward pass is written beside its forward pass, and is checked against finite
differences and against a second implementation. There is no automatic
differentiation.

  pedestrian tour        everything in two to four minutes: verify, train, write a story
  pedestrian verify      check every gradient of the paper; plant 48 bugs, catch them
  pedestrian train       train a GPT on the built-in stories or on your text
  pedestrian finetune    fine-tune a trained network on your data: LoRA, or all weights
  pedestrian sample      let a trained model write
  pedestrian chat        talk with a model that learnt conversations
  pedestrian eval        how well a model predicts a text, or answers questions
  pedestrian import      make a run of a model of transformers, GGUF or llm.c
  pedestrian export      write a model for transformers, nanoGPT, llm.c, llama.cpp or PEFT
  pedestrian inspect     show what is in the files of a model
  pedestrian checkpoint  list, verify and prune the checkpoints of a run
  pedestrian merge       make one network of a base and its adapter
  pedestrian download    download a model or an adapter from the Hugging Face hub
  pedestrian tokenizer   show the tokens of a text; learn a vocabulary
  pedestrian data        look at examples before training: what is learnt, how they fill rows
  pedestrian params      count parameters, term by term
  pedestrian explain     a lesson on one equation, code or word, with numbers and derivation
  pedestrian derive      type a gradient: is it right, why, and where it went wrong
  pedestrian look        both passes of a text in the terminal, values beside their errors
  pedestrian studio      both passes of a small GPT in your browser, to be changed
  pedestrian bench       this machine's limits, and how close a training step comes

Start with "pedestrian tour"; "pedestrian COMMAND --help" says what you will see.
Exit codes: 0 success, 1 failure, 2 wrong use, 130 stopped by Ctrl-C and saved (128
plus the number of any signal). NO_COLOR, COLUMNS and --json are respected.
`

func newRootCmd() *cobra.Command {
	root := &cobra.Command{
		Use:           "pedestrian",
		Short:         "Transformers with gradients derived by hand",
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
		if n := (*strconv.NumError)(nil); errors.As(err, &n) { // the message of strconv has the name of a Go function
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
		newLookCmd(),
		newStudioCmd(),
		newBenchCmd(),
	)
	root.SetHelpCommand(newHelpCmd(root))
	unfillAll(root)
	return root
}

// numbers maps functions of package strconv to what they read.
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
