package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// fixtures is a directory for what several tests of this package read.
var fixtures string

// withFixtures makes the directory of fixtures around the tests.
type withFixtures struct{ *testing.M }

func (m withFixtures) Run() int {
	var err error
	if fixtures, err = os.MkdirTemp("", "pedestrian-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(fixtures)
	if signal.Ignored(syscall.SIGHUP) {
		// Under nohup every process that a test starts would ignore SIGHUP too. One that is
		// caught here has its usual effect there.
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	os.Setenv("GOMAXPROCS", "1") // of the processes that tests start: threads that wait for each other cost a quarter more
	return m.M.Run()
}

func TestMain(m *testing.M) {
	testscript.Main(withFixtures{m}, map[string]func(){"pedestrian": func() {
		os.Exit(runOn(os.Args[1:], watched(os.Stdout), watched(os.Stderr)))
	}, "peak": func() { // the same; then Linux's account of the process goes to the file STATUS
		code := runOn(os.Args[1:], watched(os.Stdout), watched(os.Stderr))
		status, err := os.ReadFile("/proc/self/status")
		if err == nil {
			err = os.WriteFile(os.Getenv("STATUS"), status, 0o644)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(code)
	}})
}

// The scripts under testdata/script are transcripts of the command line. What follows the
// condition [long] is for the long tier.
//
// Their patterns see lines as they were written; the same lines as they are folded at 80
// columns are what a person sees, and none may be longer, but for one long word.
func TestScripts(t *testing.T) {
	wide := filepath.Join(t.TempDir(), "wide")
	t.Cleanup(func() {
		if lines, err := os.ReadFile(wide); err == nil {
			t.Errorf("these lines are longer than 80 columns:\n%s", lines)
		}
	})
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("NO_COLOR", "1")
			e.Setenv("GOMAXPROCS", os.Getenv("GOMAXPROCS"))
			e.Setenv("COLUMNS", "80")
			e.Setenv("WIDE", wide)
			peft, err := filepath.Abs("../../testdata/peft")
			if err != nil {
				return err
			}
			e.Setenv("PEFT", peft)
			e.Setenv("LLAMA", filepath.Join(filepath.Dir(peft), "hub-llama"))
			e.Setenv("LMEVAL", filepath.Join(filepath.Dir(peft), "lm-eval"))
			// What a script cannot spell out.
			return os.WriteFile(filepath.Join(e.WorkDir, "binary.txt"), []byte("text\x00more"), 0o644)
		},
		Condition: func(name string) (bool, error) {
			if name != "long" {
				return false, fmt.Errorf("there is no condition %s", name)
			}
			return longTier, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"await":    await,
			"refused":  refused,
			"exits":    exits,
			"loopback": loopback,
		},
	})
}

// await FILE waits until FILE, a path with wildcards, exists.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await FILE")
	}
	for range 12_000 { // two minutes
		if found, _ := filepath.Glob(ts.MkAbs(args[0])); len(found) > 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("%s did not come within two minutes", args[0])
}

// exits CODE ARGUMENTS… runs pedestrian, which must end with that exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE ARGUMENTS…")
	}
	code := 0
	if exit := (*exec.ExitError)(nil); errors.As(ts.Exec("pedestrian", args[1:]...), &exit) {
		code = exit.ExitCode()
	}
	if args[0] != strconv.Itoa(code) {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// refused CODE PATTERN ARGUMENTS… runs pedestrian, which must end with that exit code,
// one line on standard error that matches the pattern, and nothing on standard output.
func refused(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: refused CODE PATTERN ARGUMENTS…")
	}
	err := ts.Exec("pedestrian", args[2:]...)
	stdout, stderr := ts.ReadFile("stdout"), ts.ReadFile("stderr")
	code := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
	if line, ok := strings.CutSuffix(stderr, "\n"); !ok || strings.Contains(line, "\n") || !regexp.MustCompile(args[1]).MatchString(line) {
		ts.Fatalf("standard error is not one line that matches %q", args[1])
	}
	if stdout != "" {
		ts.Fatalf("something on standard output")
	}
}
