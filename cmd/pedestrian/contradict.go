package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pedestrian-ml/pedestrian/train"
)

// A contradiction is a flag beside which others would mean nothing. Whoever gives both
// is refused, on the command line and in a file of settings. A flag wins over the file,
// and so over lines that mean nothing beside it. Defaults are not given, and contradict
// nothing.
type contradiction struct {
	commands []string // by their paths below the root
	flag     string
	when     func(value string) bool // of the flag, given or not; nil = where it is given
	others   []string
	why      string
}

var (
	trains       = []string{"train", "finetune"}
	adapterFlags = []string{"rank", "alpha", "scaling", "targets", "layers", "dora", "lora-dropout", "train-bias", "train-norms", "init", "lora-plus"}
	factorFlags  = []string{"rank", "alpha", "scaling", "dora", "lora-dropout", "init", "lora-plus"}
	readingFlags = []string{"map", "separator", "template", "end", "loss", "packing", "long"}
)

// contradictions lists them. What a command refuses by itself, with words of its own,
// is not among them.
var contradictions = []contradiction{
	{[]string{"finetune"}, "full", is("true"), adapterFlags, "all parameters are trained, and there is no adapter"},
	{[]string{"finetune"}, "targets", is(""), factorFlags, "without targets norms and biases alone are trained"},
	{[]string{"finetune"}, "steps", nil, []string{"epochs"}, "each says how long the run is"},
	{[]string{"finetune"}, "format", is(train.FormatWindows), readingFlags, "windows of a text know no documents"},
	{[]string{"finetune"}, "format", is(train.FormatDocuments), []string{"align"}, "documents lie in rows, whose beginnings they are"},
	{[]string{"finetune"}, "data", train.TellsStories, append([]string{"format"}, readingFlags...), "built-in stories are read in windows"},
	{trains, "val", nil, []string{"val-fraction"}, "a file for validation leaves all of the data to train on"},
	{trains, "val-fraction", is("0"), []string{"patience", "eval-batches"}, "nothing is kept for validation"},
	{trains, "data", func(v string) bool { return v != "" && !train.TellsStories(v) }, []string{"story-chars"}, "the data are no built-in stories"},
	{trains, "schedule", is(train.ScheduleConstant), []string{"min-lr"}, "a constant rate does not fall"},
	{trains, "sample-every", is("0"), []string{"sample-tokens"}, "no sample is taken"},
	{[]string{"sample"}, "temperature", is("0"), []string{"top-k", "top-p"}, "the likeliest token is taken always"},
	{[]string{"data"}, "show-template", nil, append([]string{"tokenizer", "format", "val", "window", "n", "tokens", "json"}, readingFlags...), "a template is printed, and nothing else"},
	{[]string{"bench"}, "list", is("true"), []string{"threads", "repeat", "text", "recompute", "parts", "profile"}, "the cases are named, and nothing is measured"},
}

// isFlag says whether what is named so was given on the command line.
func isFlag(name string) bool { return strings.HasPrefix(name, "--") }

func is(value string) func(string) bool { return func(v string) bool { return v == value } }

// contradicted refuses the first two flags of command that contradict each other. given
// says of those that were given how they are named; value is what each is, given or not.
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

// givenFlags are the flags that the command line gives, and how they are named.
func givenFlags(f *pflag.FlagSet) map[string]string {
	given := map[string]string{}
	f.Visit(func(fl *pflag.Flag) { given[fl.Name] = "--" + fl.Name })
	return given
}

// givenSettings are the flags that the command line gives, and the lines of the file
// config, if it is not "".
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

// contradictedSettings is contradicted for a command whose settings are o.
func contradictedSettings(command string, given map[string]string, settings []train.Setting) error {
	values := map[string]string{}
	for _, s := range settings {
		values[s.Flag()] = s.String()
	}
	return contradicted(command, given, func(flag string) string { return values[flag] })
}

// checkFlags refuses contradictions on the command line of any command. Those that read
// files of settings look again when they have read them.
func checkFlags(cmd *cobra.Command) error {
	f := cmd.Flags()
	_, command, _ := strings.Cut(cmd.CommandPath(), " ")
	return contradicted(command, givenFlags(f), func(flag string) string { return f.Lookup(flag).Value.String() })
}
