// Mutants plants slips in the code, one at a time, and runs the tests that should see
// them: a test that has never failed shows little.
//
//	go run ./internal/mutants                  # all of them
//	go run ./internal/mutants -only 'token/'   # those whose name matches
//	go run ./internal/mutants -list            # what there is
//
// The mutants are in list/, a file for each package; mutant.go says in which form. No
// file of the tree is touched: the mutated text takes its place in the build alone (go
// test -overlay). Of each mutant the narrowest tests run first and wider ones only if
// those see nothing. One that no test sees has survived, and the command fails; so it
// does when a text is no longer found in its file, a mutant does not compile, or a test
// fails without any.
//
// Mutants of generated assembly are mutants of its generator, in internal/kernel/gen.
// What this processor cannot run is left out, and said.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

func main() {
	only := flag.String("only", "", "a regular expression: mutants whose name has a match")
	list := flag.Bool("list", false, "list the mutants and run nothing")
	asJSON := flag.Bool("json", false, "an object a line for each mutant")
	narrow := flag.Bool("narrow", false, "only the tests that are named beside a mutant, not the wider ones")
	limit := flag.Duration("limit", 5*time.Minute, "time for one run of tests, after which a mutant counts as seen")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), "Plants slips in the code, one at a time, and runs the tests that should see them.\n\nUsage: go run ./internal/mutants [flags]\n\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	pattern, err := regexp.Compile(*only)
	if err == nil && flag.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q: choose mutants with -only", flag.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, pattern, *list, *asJSON, *narrow, *limit); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only *regexp.Regexp, list, asJSON, narrow bool, limit time.Duration) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	all, err := load()
	if err != nil {
		return err
	}
	var chosen []Mutant
	for _, m := range all {
		if only.MatchString(m.Name) {
			chosen = append(chosen, m)
		}
	}
	if len(chosen) == 0 {
		return fmt.Errorf("no name matches %q: -list shows all %d", only, len(all))
	}
	for _, m := range chosen {
		if _, err := m.apply(root); err != nil {
			return err
		}
		if list {
			fmt.Printf("%-36s %s\n", m.Name, m.About)
		}
	}
	if list {
		fmt.Println(len(chosen), "mutants")
		return nil
	}
	t, err := newTrial(root, limit, narrow)
	if err != nil {
		return err
	}
	defer t.close()
	var results []Result
	out := json.NewEncoder(os.Stdout)
	for _, m := range chosen {
		r := t.try(ctx, m)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		results = append(results, r)
		if asJSON {
			out.Encode(r)
		} else {
			fmt.Println(r)
		}
	}
	if !asJSON {
		summary(os.Stdout, results)
	}
	return verdict(results)
}

// moduleRoot is the directory of go.mod.
func moduleRoot() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	file := strings.TrimSpace(string(out))
	if filepath.Base(file) != "go.mod" {
		return "", fmt.Errorf("this directory is in no module: run it in the repository")
	}
	return filepath.Dir(file), nil
}
