package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pedestrian-ml/pedestrian/train"
)

// A contradiction is a flag that makes other flags meaningless. Both together are an error, on
// the command line and in a file of settings. A flag overrides the file, and with it the lines
// that it makes meaningless. Defaults do not count as given.
type contradiction struct {
	commands []string // by their paths below the root
	flag     string
	when     func(value string) bool // whether the flag's value, given or default, is such a value; nil = if it is given
	others   []string
	why      string
}

var (
	trains       = []string{"train", "finetune"}
	adapterFlags = []string{"rank", "alpha", "scaling", "targets", "layers", "dora", "lora-dropout", "train-bias", "train-norms", "init", "lora-plus"}
	factorFlags  = []string{"rank", "alpha", "scaling", "dora", "lora-dropout", "init", "lora-plus"}
	readingFlags = []string{"map", "separator", "template", "end", "loss", "packing", "long"}
)

// contradictions lists the contradictions, except those that a command checks itself.
var contradictions = []contradiction{
	{[]string{"finetune"}, "full", is("true"), adapterFlags, "all parameters are trained, and there is no adapter"},
	{[]string{"finetune"}, "targets", is(""), factorFlags, "without targets only norms and biases are trained"},
	{[]string{"finetune"}, "steps", nil, []string{"epochs"}, "each says how long the run is"},
	{[]string{"finetune"}, "format", is(train.FormatWindows), readingFlags, "windows of a text have no documents"},
	{[]string{"finetune"}, "format", is(train.FormatDocuments), []string{"align"}, "documents are packed into rows, so there are no windows to align"},
	{[]string{"finetune"}, "data", train.TellsStories, append([]string{"format"}, readingFlags...), "built-in stories are read in windows"},
	{trains, "val", nil, []string{"val-fraction"}, "a file for validation leaves all of the data to train on"},
	{trains, "val-fraction", is("0"), []string{"patience", "eval-batches"}, "nothing is kept for validation"},
	{trains, "data", func(v string) bool { return v != "" && !train.TellsStories(v) }, []string{"story-chars"}, "the data are not built-in stories"},
	{trains, "schedule", is(train.ScheduleConstant), []string{"min-lr"}, "a constant rate does not fall"},
	{trains, "sample-every", is("0"), []string{"sample-tokens"}, "no sample is taken"},
	{[]string{"sample"}, "temperature", is("0"), []string{"top-k", "top-p"}, "the likeliest token is always taken"},
	{[]string{"data"}, "show-template", nil, append([]string{"tokenizer", "format", "val", "window", "n", "tokens", "json"}, readingFlags...), "only a template is printed"},
	{[]string{"bench"}, "list", is("true"), []string{"threads", "repeat", "text", "recompute", "parts", "profile"}, "the cases are only listed, and nothing is measured"},
}

// isFlag says whether name is that of a flag on the command line, not of a line in a file.
func isFlag(name string) bool { return strings.HasPrefix(name, "--") }

func is(value string) func(string) bool { return func(v string) bool { return v == value } }

// contradicted returns an error for the first two flags of command that contradict each other.
// given maps the given flags to how the user wrote them; value returns the value of a flag,
// given or default.
func contradicted(command string, given map[string]string, value func(flag string) string) error {
	for _, c := range contradictions {
		name, on := given[c.flag]
		switch {
		case !on || !slices.Contains(c.commands, command):
			continue
		case c.when != nil && !c.when(value(c.flag)):
			continue
		}
		for _, other := range c.others {
			as, both := given[other]
			wins := isFlag(name) && !isFlag(as)
			if both && !wins && value(other) != "false" {
				return usagef("%s is given together with %s: %s: leave one of the two out", as, name, c.why)
			}
		}
	}
	return nil
}

// givenFlags returns the flags on the command line, with the way they are written.
func givenFlags(f *pflag.FlagSet) map[string]string {
	given := map[string]string{}
	f.Visit(func(fl *pflag.Flag) { given[fl.Name] = "--" + fl.Name })
	return given
}

// givenSettings returns the flags on the command line, and the lines of the file config if it is
// not "".
func givenSettings(f *pflag.FlagSet, config string) (map[string]string, error) {
	given := givenFlags(f)
	if config == "" {
		return given, nil
	}
	names, err := train.SettingsIn(config)
	for _, name := range names {
		if flag := strings.ReplaceAll(name, "_", "-"); given[flag] == "" {
			given[flag] = name + " in " + config
		}
	}
	return given, err
}

// contradictedSettings is contradicted for a command with the settings o.
func contradictedSettings(command string, given map[string]string, settings []train.Setting) error {
	values := map[string]string{}
	for _, s := range settings {
		values[s.Flag()] = s.String()
	}
	return contradicted(command, given, func(flag string) string { return values[flag] })
}

// checkFlags returns an error for contradictory flags of any command. Commands with a file of
// settings check again after they have read it.
func checkFlags(cmd *cobra.Command) error {
	f := cmd.Flags()
	_, command, _ := strings.Cut(cmd.CommandPath(), " ")
	return contradicted(command, givenFlags(f), func(flag string) string { return f.Lookup(flag).Value.String() })
}
