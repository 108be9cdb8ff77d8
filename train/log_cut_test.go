package train

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/durable"
)

// A log that has lost its last bytes, one, two or all of a line, keeps the lines that are
// whole, with their ends; what is added stands on a line of its own.
func TestLogCutByBytes(t *testing.T) {
	const one, two = `{"step":1,"loss":2,"seconds":0.5}`, `{"step":2,"loss":1.5,"seconds":1}`
	all := one + "\n" + two + "\n"
	for cut := range len(two) + 2 {
		run := t.TempDir()
		path := filepath.Join(run, MetricsFile)
		if err := os.WriteFile(path, []byte(all[:len(all)-cut]), 0o644); err != nil {
			t.Fatal(err)
		}
		log, err := openMetrics(durable.OS, run, Progress{Step: 2})
		if err != nil {
			t.Fatal(err)
		}
		loss := 1.25
		if err := errors.Join(log.add(Record{Step: 3, Loss: &loss, Seconds: 2}), log.close()); err != nil {
			t.Fatal(err)
		}
		want := one + "\n" + two + "\n"
		if cut > 0 {
			want = one + "\n"
		}
		want += `{"step":3,"loss":1.25,"seconds":2}` + "\n"
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%d bytes cut: the log is\n%swant\n%s%v", cut, got, want, err)
		}
	}
}

// A log that somebody else cuts while the run goes on is missed by a single byte, and one
// that has every byte is not.
func TestLogIsMissedByOneByte(t *testing.T) {
	for cut := range 3 {
		run := t.TempDir()
		log, err := openMetrics(durable.OS, run, Progress{})
		if err != nil {
			t.Fatal(err)
		}
		loss := 1.0
		if err := errors.Join(log.add(Record{Step: 1, Loss: &loss}), log.sync(), os.Truncate(log.path(), log.length-int64(cut))); err != nil {
			t.Fatal(err)
		}
		log.broken = true // as after an error of writing
		err = errors.Join(log.add(Record{Step: 2, Loss: &loss}), log.sync())
		if want := fmt.Sprintf("has %d bytes and had %d", log.length-int64(cut), log.length); cut > 0 && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%d bytes cut: %v, want %s", cut, err, want)
		}
		if text, e := os.ReadFile(log.path()); cut == 0 && (err != nil || e != nil || strings.Count(string(text), "\n") != 2) {
			t.Errorf("nothing cut: %v, %v, %q", err, e, text)
		}
		log.close()
	}
}
