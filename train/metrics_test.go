package train

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/durable"
)

// readMetrics is the log of a run as a list.
func readMetrics(run string) (records []Record, err error) {
	for r, err := range Records(run) {
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}

// readAll reads a whole file.
func readAll(fs durable.FS, path string) ([]byte, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text := make([]byte, f.Size())
	if n, err := f.ReadAt(text, 0); err != nil && !(err == io.EOF && n == len(text)) {
		return nil, err
	}
	return text, nil
}

// allocated is how many bytes work allocates.
func allocated(work func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	work()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestHugeLog: a line of a gigabyte, of which the file is mostly a hole, takes the memory
// of a record when a run is resumed, and when its loss is drawn.
func TestHugeLog(t *testing.T) {
	run := t.TempDir()
	first := "{\"step\":1,\"loss\":2,\"seconds\":0}\n"
	path := filepath.Join(run, MetricsFile)
	write := func() {
		if err := os.WriteFile(path, []byte(first), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, 1<<30); err != nil {
			t.Fatal(err)
		}
	}
	write()
	if used := allocated(func() {
		n := 0
		for r, err := range Records(run) {
			if n++; (r.Step == 1) != (n == 1) || (err == nil) != (n == 1) || n == 2 && !strings.Contains(err.Error(), MetricsFile+", line 2: ") {
				t.Errorf("record %d: %+v, %v", n, r, err)
			}
		}
	}); used > 1<<20 {
		t.Errorf("to read it takes %d bytes", used)
	}
	if used := allocated(func() {
		log, err := openMetrics(durable.OS, run, Progress{Step: 1})
		if err != nil {
			t.Fatal(err)
		}
		log.close()
	}); used > 1<<20 {
		t.Errorf("to open it takes %d bytes", used)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != first {
		t.Errorf("what stays is %.60q, %v", text, err)
	}
}

// TestLongLog: many lines are read, cut and written anew in the memory of one.
func TestLongLog(t *testing.T) {
	run := t.TempDir()
	var text bytes.Buffer
	const lines = 200_000
	for i := range lines {
		fmt.Fprintf(&text, "{\"step\":%d,\"loss\":2,\"seconds\":0}\n", i+1)
	}
	whole := text.Bytes()
	if err := os.WriteFile(filepath.Join(run, MetricsFile), whole, 0o644); err != nil {
		t.Fatal(err)
	}
	var log *metricsLog
	held := allocated(func() {
		var err error
		if log, err = openMetrics(durable.OS, run, Progress{Step: lines}); err != nil {
			t.Fatal(err)
		}
	})
	if log.length != int64(len(whole)) {
		t.Errorf("%d bytes, want %d", log.length, len(whole))
	}
	last := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	if err := log.cut(Progress{Step: lines - 1}); err != nil {
		t.Fatal(err)
	}
	if got, err := readAll(durable.OS, log.path()); err != nil || !bytes.Equal(got, whole[:last]) {
		t.Errorf("%d bytes are left of %d, %v; want %d", len(got), len(whole), err, last)
	}
	log.close()
	t.Logf("opening allocates %d bytes for %d", held, len(whole))
}

// TestEachLine: ends of lines, and lines at and beyond what a record may have.
func TestEachLine(t *testing.T) {
	long := strings.Repeat("x", maxRecord)
	for in, want := range map[string][]string{
		"":                          nil,
		"a":                         {"a"},
		"a\n\nb":                    {"a\n", "\n", "b"},
		long[1:] + "\nb\n":          {long[1:] + "\n", "b\n"},
		long + "\nb\n":              {long, "b\n"},
		long + long + long + "y\nb": {long, "b"},
		long + long:                 {long},
	} {
		var got []string
		if err := eachLine(strings.NewReader(in), func(line []byte) error { got = append(got, string(line)); return nil }); err != nil || !slices.Equal(got, want) {
			t.Errorf("%.20q: %d lines, want %d, %v", in, len(got), len(want), err)
		}
	}
	failed := fmt.Errorf("failed")
	if err := eachLine(strings.NewReader("a\nb"), func([]byte) error { return failed }); err != failed {
		t.Error(err)
	}
}
