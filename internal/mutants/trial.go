package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Result is what became of a mutant.
type Result struct {
	Name    string  `json:"name"`
	Group   string  `json:"group"`
	About   string  `json:"about"`
	Status  Status  `json:"status"`
	By      string  `json:"by,omitempty"`    // the test that saw it
	Error   string  `json:"error,omitempty"` // of the list, or why the processor cannot run it
	Seconds float64 `json:"seconds"`
}

// Status is killed, survived, left out or an error of the list.
type Status string

const (
	Killed   Status = "killed"
	Survived Status = "survived"
	Absent   Status = "left out" // this processor lacks the path
	Wrong    Status = "error"
)

// A trial runs tests on mutants.
type trial struct {
	root, dir string
	limit     time.Duration
	narrow    bool
	paths     string          // of this processor, a line each
	sound     map[Test]error  // without a mutant
	made      map[Made]string // without a mutant
}

func newTrial(root string, limit time.Duration, narrow bool) (*trial, error) {
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return nil, err
	}
	t := &trial{root: root, dir: dir, limit: limit, narrow: narrow, sound: map[Test]error{}, made: map[Made]string{}}
	out, err := t.command(context.Background(), "go", "test", "./internal/kernel", "-run", "^TestNorms$", "-v", "-count=1").Output()
	if err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("asking which paths this processor has: %w\n%s", err, out)
	}
	t.paths = string(out)
	return t, nil
}

func (t *trial) close() { os.RemoveAll(t.dir) }

func (t *trial) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = t.root
	together(cmd)
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// try plants m and runs its tests until one sees it.
func (t *trial) try(ctx context.Context, m Mutant) (r Result) {
	r = Result{Name: m.Name, Group: m.Group, About: m.About, Status: Survived}
	began := time.Now()
	defer func() { r.Seconds = time.Since(began).Seconds() }()
	wrong := func(err error) Result {
		r.Status, r.Error = Wrong, m.at+": "+err.Error()
		return r
	}
	if m.Path != "" && !strings.Contains(t.paths, "TestNorms/"+m.Path+" ") {
		r.Status, r.Error = Absent, "this processor has no "+m.Path
		return r
	}
	overlay, err := t.plant(ctx, m)
	if err != nil {
		return wrong(err)
	}
	tests := m.Tests
	if !t.narrow {
		tests = slices.Concat(tests, m.Wider)
	}
	for _, test := range tests {
		if err := t.check(ctx, test); err != nil {
			return wrong(err)
		}
		by, err := t.run(ctx, test, overlay)
		if err != nil {
			return wrong(err)
		}
		if by != "" {
			r.Status, r.By = Killed, strings.TrimPrefix(test.Package, "./")+"."+by
			break
		}
	}
	return r
}

// plant writes the files of m outside the tree, and the overlay that puts them into it.
func (t *trial) plant(ctx context.Context, m Mutant) (overlay string, err error) {
	files, err := m.apply(t.root)
	if err != nil {
		return "", err
	}
	overlay, err = t.overlay("mutant", files)
	if err != nil || len(m.Made) == 0 {
		return overlay, err
	}
	made := map[string]string{} // the generator stays as it is
	for _, f := range m.Made {
		if _, ok := t.made[f]; !ok {
			text, err := t.generate(ctx, f, "")
			if err != nil {
				return "", err
			}
			t.made[f] = text
		}
		committed, err := os.ReadFile(filepath.Join(t.root, f.File))
		if err != nil {
			return "", err
		}
		if t.made[f] != string(committed) {
			return "", fmt.Errorf("%s is not what the generator makes: go generate ./internal/kernel", f.File)
		}
		if made[f.File], err = t.generate(ctx, f, overlay); err != nil {
			return "", err
		}
		if made[f.File] == string(committed) {
			return "", fmt.Errorf("the change of the generator leaves %s as it is", f.File)
		}
	}
	return t.overlay("made", made)
}

// overlay writes files and what go's flag -overlay wants to read.
func (t *trial) overlay(name string, files map[string]string) (string, error) {
	var o struct{ Replace map[string]string }
	o.Replace = map[string]string{}
	for file, text := range files {
		at := filepath.Join(t.dir, name+"-"+strings.ReplaceAll(file, "/", "-"))
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			return "", err
		}
		o.Replace[filepath.Join(t.root, filepath.FromSlash(file))] = at
	}
	text, err := json.Marshal(o)
	if err != nil {
		return "", err
	}
	at := filepath.Join(t.dir, name+".json")
	return at, os.WriteFile(at, text, 0o644)
}

// generate returns what a program of the generator makes, or prints.
func (t *trial) generate(ctx context.Context, f Made, overlay string) (string, error) {
	out := filepath.Join(t.dir, "generated.s")
	os.Remove(out)
	args := []string{"run", "-C", "internal/kernel/gen", "-overlay", overlay, "."}
	if overlay == "" {
		args = []string{"run", "-C", "internal/kernel/gen", "."}
	}
	cmd := t.command(ctx, "go", append(args, "-out", out, "-stubs", out+".go", "-pkg", "kernel", f.Program)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	printed, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("generating %s: %w\n%s", f.File, err, clip(stderr.String()))
	}
	if len(printed) > 0 {
		return string(printed), nil
	}
	text, err := os.ReadFile(out)
	// The command line is written into the file.
	return strings.Replace(string(text), "-out "+out+" -stubs "+out+".go", "-out ../"+filepath.Base(f.File)+" -stubs ../"+stubs(f.File), 1), err
}

// stubs is the file with the declarations of an assembly.
func stubs(file string) string {
	base := filepath.Base(file)
	if base == "bf16_amd64.s" {
		return "bf16_asm_amd64.go"
	}
	return strings.TrimSuffix(base, ".s") + ".go"
}

// check runs a test without a mutant, once: it must pass, and be there.
func (t *trial) check(ctx context.Context, test Test) error {
	err, ok := t.sound[test]
	if !ok {
		var by string
		if by, err = t.run(ctx, test, ""); err == nil && by != "" {
			err = fmt.Errorf("%s %s fails without a mutant, in %s", test.Package, test.Pattern, by)
		}
		t.sound[test] = err
	}
	return err
}

var (
	failed   = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)
	timedOut = regexp.MustCompile(`(?m)^panic: test timed out`)
	running  = regexp.MustCompile(`(?m)^\t(Test\S+) \(`)
)

// numeric are the packages whose tests compute so much that optimizing them takes less
// time than it saves; leaving it out saves a third of the time of the others.
var numeric = map[string]bool{"./paper": true, "./engine": true, "./internal/kernel": true, "./gradcheck": true, "./parity": true}

// run runs a test under an overlay and returns which test failed; "" when none did.
func (t *trial) run(ctx context.Context, test Test, overlay string) (by string, err error) {
	args := []string{"test", "-vet=off", "-ldflags=-s -w", "-p", "1", "-failfast", "-timeout", t.limit.String()}
	if !numeric[test.Package] {
		args = append(args, "-gcflags=-N -l")
	}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	if test.Pattern != "" {
		args = append(args, "-run", test.Pattern)
	}
	out, err := t.command(ctx, "go", append(args, test.Package)...).CombinedOutput()
	text := string(out)
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		return "", err
	}
	switch {
	case err == nil && strings.Contains(text, "[no tests to run]"):
		return "", fmt.Errorf("%s has no test %s", test.Package, test.Pattern)
	case err == nil:
		return "", nil
	case strings.Contains(text, "[build failed]") || strings.Contains(text, "[setup failed]"):
		return "", fmt.Errorf("it does not compile:\n%s", clip(text))
	case timedOut.MatchString(text):
		if m := running.FindStringSubmatch(text); m != nil {
			by = m[1]
		}
		return cmp.Or(by, "tests") + " (time limit)", nil
	}
	for _, m := range failed.FindAllStringSubmatch(text, -1) {
		if by == "" || strings.HasPrefix(m[1], by+"/") {
			by = m[1]
		}
	}
	return cmp.Or(by, "a crash"), nil
}

// clip is the beginning of a long text.
func clip(text string) string {
	lines := strings.SplitAfterN(text, "\n", 9)
	if len(lines) == 9 {
		lines[8] = "…"
	}
	return strings.TrimSpace(strings.Join(lines, ""))
}
