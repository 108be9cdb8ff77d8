package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pedestrian-ml/pedestrian/docs"
)

// A fence is a block of a chapter: its language, what else stands on its first line, and
// its text.
type fence struct{ page, language, about, text string }

var (
	fences = regexp.MustCompile("(?m)^```(\\S*) ?(.*)\n((?s:.*?))^```$")
	spans  = regexp.MustCompile("`(pedestrian [^`]+)`")
)

// chapters are README.md and all of docs/, by name.
func chapters(t *testing.T) map[string]string {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{"README.md": string(readme)}
	names, err := fs.Glob(docs.Files, "*.md")
	if err != nil || len(names) < 10 {
		t.Fatalf("%v, %v", names, err)
	}
	for _, name := range names {
		page, err := docs.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		pages[name] = string(page)
	}
	return pages
}

// shellBlocks are the blocks of a page, and those of them that are commands: ```sh is run
// in order, as it is written; "sh long" in the long tier; of "sh by hand", which needs
// what a test has not, only the names of commands, flags and tests are looked up.
func shellBlocks(t *testing.T, page, text string) (all, shell []fence) {
	for _, m := range fences.FindAllStringSubmatch(text, -1) {
		f := fence{page, m[1], m[2], m[3]}
		all = append(all, f)
		if f.language == "sh" {
			if !slices.Contains([]string{"", "long", "by hand"}, f.about) {
				t.Errorf("%s: a block is \"sh %s\"", page, f.about)
			}
			shell = append(shell, f)
			continue
		}
		for line := range strings.Lines(f.text) {
			if command := strings.HasPrefix(line, "pedestrian ") || strings.HasPrefix(line, "go "); command && f.language == "" {
				t.Errorf("%s: %q is a command in a block that is not run: begin it with ```sh", page, line)
			}
		}
	}
	return all, shell
}

// TestDocsCommands runs the commands of each chapter, in a directory with the files that
// it shows, where the hub is one of this machine that has a very small GPT-2.
func TestDocsCommands(t *testing.T) {
	served := smallGPT2(t)
	ran := 0
	for page, text := range chapters(t) {
		all, shell := shellBlocks(t, page, text)
		if len(shell) == 0 {
			continue
		}
		t.Run(page, func(t *testing.T) {
			server := httptest.NewServer(servedHub(served))
			defer server.Close()
			dir := t.TempDir()
			for _, f := range all {
				if f.about != "" && f.language != "sh" {
					if err := os.WriteFile(filepath.Join(dir, f.about), []byte(f.text), 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
			for _, f := range shell {
				if f.about == "by hand" || f.about == "long" && !longTier {
					continue
				}
				cmd := exec.Command("sh", "-eux")
				cmd.Dir, cmd.Stdin = dir, strings.NewReader(f.text)
				cmd.Env = append(os.Environ(), "HF_ENDPOINT="+server.URL, "HF_HUB_CACHE="+filepath.Join(dir, ".cache"), "NO_COLOR=1")
				began := time.Now()
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				t.Logf("%v: %d bytes", time.Since(began).Round(time.Millisecond), len(out))
				ran += strings.Count(string(out), "\n+ pedestrian ") + 1
			}
		})
	}
	if ran < 15 {
		t.Errorf("%d commands were run", ran)
	}
}

// smallGPT2 is a directory that a hub may serve, with a GPT-2 of a few thousand numbers.
func smallGPT2(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	at := filepath.Join("served", "openai-community", "gpt2")
	for _, args := range [][]string{
		{"tokenizer", "train", "@shakespeare-excerpt", "--vocab", "512", "--out", "tokens"},
		{"train", "--preset", "tiny", "--data", "@shakespeare-excerpt", "--tokenizer", "./tokens/", "--context", "64", "--activation", "gelu_tanh", "--steps", "2", "--eval-batches", "1", "--out", "run"},
		{"export", "run", "--out", at},
	} {
		cmd := exec.Command("pedestrian", args...)
		cmd.Dir = dir
		if err := os.MkdirAll(filepath.Join(dir, "served", "openai-community"), 0o755); err != nil {
			t.Fatal(err)
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
	}
	return filepath.Join(dir, "served")
}

// TestDocsNames looks up what cannot be run: in every command that a chapter names, the
// command and its flags; in those of go test, packages and tests.
func TestDocsNames(t *testing.T) {
	seen := 0
	for page, text := range chapters(t) {
		_, shell := shellBlocks(t, page, text)
		var lines []string
		for _, f := range shell {
			lines = append(lines, strings.Split(strings.ReplaceAll(f.text, "\\\n", " "), "\n")...)
		}
		for _, m := range spans.FindAllStringSubmatch(text, -1) {
			lines = append(lines, m[1])
		}
		for _, line := range lines {
			words := shellWords(line)
			if len(words) > 0 {
				words[0] = filepath.Base(words[0])
			}
			switch {
			case len(words) > 1 && words[0] == "pedestrian":
				seen++
				if err := parses(words[1:]); err != nil {
					t.Errorf("%s: %s: %v", page, line, err)
				}
			case slices.Contains(words, "go") && slices.Contains(words, "test"):
				seen++
				if err := namesTests(words); err != nil {
					t.Errorf("%s: %s: %v", page, line, err)
				}
			}
		}
	}
	if seen < 60 {
		t.Errorf("%d commands were looked up", seen)
	}
}

// shellWords divides a line as a shell does, without its comment.
func shellWords(line string) (words []string) {
	for _, m := range regexp.MustCompile(`#.*$|'[^']*'|"[^"]*"|[^\s#'"]\S*`).FindAllString(line, -1) {
		if m[0] == '#' {
			break
		}
		words = append(words, strings.Trim(m, `'"`))
	}
	return words
}

// parsing is the tree of commands that parses looks in. It takes a while to build.
var parsing = sync.OnceValue(newRootCmd)

// parses says whether there is a command with these flags.
func parses(args []string) error {
	cmd, rest, err := parsing().Find(args)
	if err != nil {
		return err
	}
	if !cmd.HasParent() {
		return fmt.Errorf("there is no such command")
	}
	cmd.InitDefaultHelpFlag()
	return cmd.ParseFlags(rest)
}

// namesTests says whether what "go test" is given in words is there.
func namesTests(words []string) error {
	var packages []string
	patterns := map[string]string{}
	for i, w := range words {
		switch {
		case strings.HasPrefix(w, "./"):
			packages = append(packages, w)
		case (w == "-run" || w == "-bench") && i+1 < len(words):
			patterns[map[string]string{"-run": "Test", "-bench": "Benchmark"}[w]] = words[i+1]
		}
	}
	for _, p := range packages {
		if p == "./..." {
			continue
		}
		files, err := filepath.Glob(filepath.Join("../..", p, "*_test.go"))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("%s has no tests", p)
		}
		var source bytes.Buffer
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				return err
			}
			source.Write(text)
		}
		for kind, pattern := range patterns {
			if pattern == "^$" {
				continue
			}
			found := regexp.MustCompile(`(?m)^func (`+kind+`\w+)`).FindAllStringSubmatch(source.String(), -1)
			if !slices.ContainsFunc(found, func(m []string) bool { return regexp.MustCompile(pattern).MatchString(m[1]) }) {
				return fmt.Errorf("no %s of %s matches %s", kind, p, pattern)
			}
		}
	}
	return nil
}
