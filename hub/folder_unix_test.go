//go:build unix

package hub

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A pipe or a device in the place of a file is refused at once: reading it might wait
// for ever.
func TestOnlyRegularFiles(t *testing.T) {
	for _, name := range []string{configFile, generationFile, weightsFile, tokenizerFile, ownTokenizer} {
		dir := saved(t, "hf-tied")
		path := filepath.Join(dir, name)
		os.Remove(path)
		if err := syscall.Mkfifo(path, 0o644); err != nil {
			t.Fatal(err)
		}
		err := reads(dir)
		passedOver := name == generationFile || name == tokenizerFile // as if it were not there
		if (err == nil) != passedOver || err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%s is a pipe: %v", name, err)
		}
	}
	pipe := filepath.Join(t.TempDir(), "model.bin")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadLLMC[float32](pipe, LoadOptions{}); err == nil || IsLLMC(pipe) {
		t.Error("a pipe was read as a model of llm.c")
	}
}
