package train

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLogShrinksByAByte: after an error of writing, a log that lacks any of the bytes that
// were synced, be it one, is not written again as if it were whole.
func TestLogShrinksByAByte(t *testing.T) {
	for _, less := range []int64{1, 2, 10} {
		run := t.TempDir()
		log, err := openMetrics(disk{}, run, Progress{})
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
