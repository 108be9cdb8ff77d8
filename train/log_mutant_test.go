package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/durable"
)

// TestLogShrinksByAByte: after an error of writing, a log that lacks any of the bytes that
// were synced, be it one, is not written again as if it were whole.
func TestLogShrinksByAByte(t *testing.T) {
	for _, less := range []int64{1, 2, 10} {
		run := t.TempDir()
		log, err := openMetrics(durable.OS, run, Progress{})
		if err != nil {
			t.Fatal(err)
		}
		defer log.close()
		loss := 1.0
		if err := errors.Join(log.add(Record{Step: 1, Loss: &loss}), log.sync()); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(run, MetricsFile)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, info.Size()-less); err != nil {
			t.Fatal(err)
		}
		log.broken = true // as after an error of writing
		if err := log.sync(); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("has %d bytes and had %d", info.Size()-less, info.Size())) {
			t.Errorf("%d bytes less: %v", less, err)
		}
	}
}

// TestLineWithoutItsEnd: a line that lacks nothing but its end was cut short by a crash;
// kept, it would be one with the next.
func TestLineWithoutItsEnd(t *testing.T) {
	run := t.TempDir()
	if err := os.WriteFile(filepath.Join(run, MetricsFile), []byte("{\"step\":1,\"loss\":3,\"seconds\":1}\n{\"step\":2,\"loss\":2,\"seconds\":1}"), 0o644); err != nil {
		t.Fatal(err)
	}
	log, err := openMetrics(durable.OS, run, Progress{Step: 2})
	if err != nil {
		t.Fatal(err)
	}
	loss := 1.0
	if err := errors.Join(log.add(Record{Step: 3, Loss: &loss}), log.close()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(run, MetricsFile))
	if err != nil {
		t.Fatal(err)
	}
	var steps []int
	for line := range strings.Lines(string(text)) {
		var r Record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		steps = append(steps, r.Step)
	}
	if !slices.Equal(steps, []int{1, 3}) {
		t.Errorf("steps %v: %q", steps, text)
	}
}
