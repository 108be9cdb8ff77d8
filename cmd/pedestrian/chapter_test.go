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
	block   = regexp.MustCompile("(?m)^```(\\w+)(?: (\\S+))?\n((?s:.*?))^```$")
	rewrite = flag.Bool("rewrite", false, "write what the commands of a chapter say into it")
)

// TestDataChapter runs the transcripts of docs/data.md: blocks with a file's name are
// files, and each line that begins with "$ " is a command whose output follows it.
func TestDataChapter(t *testing.T) {
	page, err := docs.Files.ReadFile("data.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := filepath.Abs("../../docs/data.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for _, m := range block.FindAllStringSubmatch(string(page), -1) {
		if m[2] != "" {
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
			run(strings.Fields(command), &out, &out)
		}
		return out.String() + "```"
	})
	if commands < 8 {
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
	t.Errorf("the commands of docs/data.md say something else now: %s", difference(string(page), got))
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
