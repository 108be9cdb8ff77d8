package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/docs"
)

var (
	block   = regexp.MustCompile("(?m)^```(\\w*)(?: ([^\n]+))?\n((?s:.*?))^```$")
	rewrite = flag.Bool("rewrite", false, "write what the commands of a chapter say into it")
)

// TestDataChapter runs the transcripts of docs/data.md.
func TestDataChapter(t *testing.T) { transcripts(t, "data.md", 8) }

// TestLesson runs what a teacher shows: the transcripts of docs/lesson.md.
func TestLesson(t *testing.T) { transcripts(t, "lesson.md", 15) }

// transcripts runs those of a page, at least so many commands: blocks with a file's name are
// files, and each line that begins with "$ " is a command whose output follows it.
func transcripts(t *testing.T, name string, least int) {
	t.Helper()
	page, err := docs.Files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	source, err := filepath.Abs(filepath.Join("../../docs", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	for _, m := range block.FindAllStringSubmatch(string(page), -1) {
		if m[2] != "" && m[1] != "sh" {
			if err := os.WriteFile(m[2], []byte(m[3]), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	commands := 0
	got := block.ReplaceAllStringFunc(string(page), func(b string) string {
		m := block.FindStringSubmatch(b)
		if m[1] != "console" {
			return b
		}
		var out bytes.Buffer
		out.WriteString("```console\n")
		for line := range strings.Lines(m[3]) {
			command, ok := strings.CutPrefix(strings.TrimSpace(line), "$ pedestrian ")
			if !ok {
				continue
			}
			commands++
			out.WriteString("$ pedestrian " + command + "\n")
			run(shellWords(command), &out, &out)
		}
		return out.String() + "```"
	})
	if commands < least {
		t.Errorf("%d commands were run", commands)
	}
	if got == string(page) {
		return
	}
	if *rewrite {
		if err := os.WriteFile(source, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Errorf("the commands of docs/%s say something else now: %s", name, difference(string(page), got))
}

// difference is the first line in which two texts differ.
func difference(a, b string) string {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			return "\n" + as[i] + "\n" + bs[i]
		}
	}
	return "one is longer"
}
