package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pedestrian-ml/pedestrian/generate"
)

// inDir runs pedestrian in a directory and gives its standard output.
func inDir(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("pedestrian", args...)
	var stderr bytes.Buffer
	cmd.Dir, cmd.Stderr = dir, &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("pedestrian %q: %v: %s", args, err, stderr.String())
	}
	return string(out)
}

// sampleRuns trains a run, and beside it one of an adapter that learns conversations. The
// tests that sample from them share them: they only read.
func sampleRuns(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(fixtures, "sample")
	if err := os.Mkdir(dir, 0o755); errors.Is(err, fs.ErrExist) {
		return dir
	} else if err != nil {
		t.Fatal(err)
	}
	var text, chat strings.Builder
	for i := range 300 {
		fmt.Fprintf(&text, "The %s cat saw %d dogs near the barn.\n", []string{"grey", "old", "wet"}[i%3], i*7%23)
		fmt.Fprintf(&chat, `{"messages":[{"role":"user","content":"cat %d"},{"role":"assistant","content":"dogs %d"}]}`+"\n", i%10, i%10)
	}
	for name, content := range map[string]string{"text.txt": text.String() + "System: User: Assistant:\n\n", "chat.jsonl": chat.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	inDir(t, dir, "train", "--data", "text.txt", "--preset", "tiny", "--steps", "60", "--eval-every", "60", "--out", "runs/a")
	inDir(t, dir, "finetune", "runs/a", "--data", "chat.jsonl", "--template", "plain", "--dora", "--steps", "30", "--out", "runs/chat")
	return dir
}

// sampled is what --json says of each text, without its time.
func sampled(t *testing.T, dir string, args ...string) (texts []map[string]any) {
	t.Helper()
	for line := range strings.Lines(inDir(t, dir, append([]string{"sample", "--json"}, args...)...)) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatal(err)
		}
		if v["seconds"].(float64) <= 0 {
			t.Errorf("%q took no time", args)
		}
		delete(v, "seconds")
		texts = append(texts, v)
	}
	return texts
}

// Texts that are written at the same time are those that each is alone, as JSON and as
// text, whatever they go on from and in which precision.
func TestSampleTogether(t *testing.T) {
	const texts = 4
	dir := sampleRuns(t)
	run := []string{"runs/a", "--tokens", "150", "--temperature", "1.2", "--stop", ".\n"}
	written := map[string]string{}
	for name, args := range map[string][]string{
		"float32": run,
		"bf16":    append(run, "--precision", "bf16"),
		"adapter": {"runs/chat", "--message", "cat 4", "--tokens", "60"},
		"rounded": {"runs/chat", "--message", "cat 4", "--tokens", "60", "--precision", "bf16"},
	} {
		var alone []map[string]any
		var shown []string
		for seed := range texts {
			one := append([]string{"--seed", strconv.Itoa(seed + 3)}, args...)
			alone = append(alone, sampled(t, dir, one...)...)
			shown = append(shown, inDir(t, dir, append([]string{"sample"}, one...)...))
		}
		all := append([]string{"--seed", "3", "-n", strconv.Itoa(texts)}, args...)
		if got, want := fmt.Sprint(sampled(t, dir, all...)), fmt.Sprint(alone); got != want {
			t.Errorf("%s: together\n%s\nalone\n%s", name, got, want)
		}
		if got, want := inDir(t, dir, append([]string{"sample"}, all...)...), strings.Join(shown, "\n----\n"); got != want {
			t.Errorf("%s: together\n%s\nalone\n%s", name, got, want)
		}
		written[name] = strings.Join(shown, "\n")
	}
	if written["float32"] == written["bf16"] {
		t.Error("the same texts in bf16 and in float32")
	}
	// Several prompts: of each what there is of it alone.
	var alone []map[string]any
	var prompts []string
	for _, p := range []string{"The old", "T", strings.Repeat("The grey cat saw 7 dogs near the barn.\n", 4)} {
		alone = append(alone, sampled(t, dir, append(run, "-n", "3", "--prompt", p)...)...)
		prompts = append(prompts, "--prompt", p)
	}
	if got, want := fmt.Sprint(sampled(t, dir, append(append(run, "-n", "3"), prompts...)...)), fmt.Sprint(alone); got != want || len(alone) != 9 {
		t.Errorf("prompts together\n%s\nalone\n%s", got, want)
	}
}

// Ctrl-C ends what is being written, with exit code 130, and what there is stays.
func TestSampleInterrupted(t *testing.T) {
	dir := sampleRuns(t)
	for _, n := range []string{"1", "12"} {
		cmd := exec.Command("pedestrian", "sample", "runs/a", "-n", n, "--tokens", "100000000", "--prompt", "The old")
		var stderr bytes.Buffer
		cmd.Dir, cmd.Stderr = dir, &stderr
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		for piece := make([]byte, 100); text.Len() < 50; {
			n, err := out.Read(piece)
			if text.Write(piece[:n]); err != nil {
				t.Fatalf("%q, %v: %s", text.String(), err, stderr.String())
			}
		}
		timer := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
		cmd.Process.Signal(os.Interrupt)
		text.ReadFrom(out)
		cmd.Wait()
		timer.Stop()
		if got := text.String(); cmd.ProcessState.ExitCode() != 130 || !strings.HasSuffix(stderr.String(), "pedestrian: interrupted\n") || !strings.HasPrefix(got, "The old") || !strings.HasSuffix(got, "\n") || strings.Contains(got, "----") {
			t.Errorf("-n %s: exit code %d, %q: %.200q", n, cmd.ProcessState.ExitCode(), stderr.String(), got)
		}
	}
}

// Texts come in order, the first that is not finished piece by piece; those that are
// finished when it ends are not lost.
func TestPrinter(t *testing.T) {
	events := []func(p *printer){
		func(p *printer) { p.piece(1, "b1 ") },
		func(p *printer) { p.piece(0, "a1 ") },
		func(p *printer) { p.piece(2, "c1") },
		func(p *printer) { p.done(2, written{}) },
		func(p *printer) { p.piece(1, "b2 ") },
		func(p *printer) { p.done(0, written{}) },
		func(p *printer) { p.piece(1, "b3") },
		func(p *printer) { p.piece(4, "e1") },
		func(p *printer) { p.done(1, written{}) },
		func(p *printer) { p.piece(3, "d1") },
		func(p *printer) { p.done(4, written{}) },
		func(p *printer) { p.end() },
	}
	want := []string{"A:", "A:a1 ", "A:a1 ", "A:a1 ", "A:a1 ", "A:a1 \n\n----\nB:b1 b2 ", "…b3", "…b3",
		"…b3\n\n----\nC:c1\n\n----\nD:", "…D:d1", "…D:d1", "…D:d1\n\n----\nE:e1\n"}
	var out bytes.Buffer
	p := &printer{sampleCommand: &sampleCommand{n: 1}, stdout: &out, count: 6}
	for _, prompt := range []string{"A:", "\nB:", "C:", "D:", "E:", "F:"} {
		p.from = append(p.from, beginning{prompt: prompt})
	}
	p.begin()
	for i, event := range events {
		event(p)
		got := out.String()
		if end, cut := strings.CutPrefix(want[i], "…"); got != want[i] && !(cut && strings.HasSuffix(got, end)) {
			t.Errorf("after event %d: %q, want %q", i, got, want[i])
		}
	}
	var line bytes.Buffer
	j := &printer{sampleCommand: &sampleCommand{n: 7, json: true}, stdout: &line, from: []beginning{{prompt: "A"}, {prompt: "B"}}, count: 14}
	j.begin()
	j.piece(8, "b")
	j.done(8, written{Result: generate.Result{Text: "b"}})
	if line.Len() > 0 {
		t.Errorf("out of order: %q", line.String())
	}
	j.end()
	if got := line.String(); !strings.Contains(got, `"seed":1`) || strings.Count(got, "\n") != 1 {
		t.Errorf("what was finished: %q", got)
	}
}
