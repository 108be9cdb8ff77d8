package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/token"
	"github.com/pedestrian-ml/pedestrian/train"
)

// In a terminal an answer is shown as it comes. Ctrl-C stops it and the conversation goes
// on; the next one says what a further one does, and that leaves with 130.
func TestChatInTerminal(t *testing.T) {
	c := pedestrian.Config{Vocab: 256, Context: 30_000, Width: 16, Heads: 1, Blocks: 1, Activation: pedestrian.GELU, Eps: 1e-5, Tied: true}
	run := filepath.Join(t.TempDir(), "run") // of random weights, which never ends an answer
	if err := os.Mkdir(run, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := (&train.Checkpoint{Network: c, Tokenizer: token.NewBytes(), State: &train.State{Params: train.NewState(c, 1).Params}}).Save(run); err != nil {
		t.Fatal(err)
	}
	window, program := openTerminal(t)
	defer window.Close()
	cmd := exec.Command("pedestrian", "chat", run, "--tokens", "29000")
	cmd.Env = append(os.Environ(), "NO_COLOR=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	program.Close()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer cmd.Process.Kill()

	var screen bytes.Buffer
	await := func(what string, there func(since string) bool) {
		t.Helper()
		from, deadline := screen.Len(), time.Now().Add(2*time.Minute)
		for buf := make([]byte, 4096); !there(screen.String()[from:]); {
			if time.Now().After(deadline) {
				t.Fatalf("%s did not come within two minutes:\n%.2000q", what, screen.String()[from:])
			}
			window.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			n, _ := window.Read(buf)
			screen.Write(buf[:n])
		}
	}
	has := func(text string) func(string) bool {
		return func(since string) bool { return strings.Contains(since, text) }
	}
	window.WriteString("Hello\n")
	await("an answer", func(since string) bool {
		_, answer, ok := strings.Cut(since, "Hello\r\n")
		return ok && len(answer) > 2000 // after the echo, and long before it would end
	})
	window.WriteString("\x03")
	await("the stop", has("(stopped)\r\n> "))
	window.WriteString("/save " + run + ".jsonl\n")
	await("the file", has("2 messages.\r\n> "))
	window.WriteString("\x03")
	await("the hint", has("Ctrl-C again leaves"))
	window.WriteString("\x03")
	select {
	case <-ended:
	case <-time.After(2 * time.Minute):
		t.Fatal("it does not leave")
	}
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code %d", code)
	}
	if saved, err := os.ReadFile(run + ".jsonl"); err != nil || !strings.Contains(string(saved), `{"role":"user","content":"Hello"},{"role":"assistant","content":"`) {
		t.Errorf("%.200s, %v", saved, err)
	}
}
