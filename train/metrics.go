package train

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// MetricsFile is the name of a run's log in its directory: one JSON object a line,
// a Record each.
const MetricsFile = "metrics.jsonl"

// A Record is a line of the log: an update (Loss is set) or an evaluation (Val is).
type Record struct {
	Step            int      `json:"step"`
	Loss            *float64 `json:"loss,omitempty"`
	Rate            float64  `json:"lr,omitempty"`
	Norm            float64  `json:"grad_norm,omitempty"`
	Scale           float64  `json:"clip_scale,omitempty"`
	Tokens          int64    `json:"tokens,omitempty"`
	TokensPerSecond float64  `json:"tokens_per_s,omitempty"`
	Val             *float64 `json:"val,omitempty"`
	Best            bool     `json:"best,omitempty"`
	Spike           string   `json:"spike,omitempty"`  // "loss", "grad_norm" or "not finite"
	Action          string   `json:"action,omitempty"` // what was done about it; "skip" and "rewind" made no update
	ZLoss           float64  `json:"z_loss,omitempty"` // standard deviations above the window's mean
	ZNorm           float64  `json:"z_norm,omitempty"` //
	Seconds         float64  `json:"seconds"`
}

// A metricsLog appends records to metrics.jsonl.
type metricsLog struct {
	f *os.File
	w *bufio.Writer
}

// openMetrics opens the log of a run at progress p. Lines that a run wrote after
// that, which is then about to write them again, are taken out.
func openMetrics(run string, p Progress) (*metricsLog, error) {
	path := filepath.Join(run, MetricsFile)
	if err := cutMetrics(path, p); err != nil {
		return nil, fmt.Errorf("opening the log: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the log: %w", err)
	}
	return &metricsLog{f, bufio.NewWriter(f)}, nil
}

// cutMetrics keeps the lines of the updates and evaluations that p has made.
func cutMetrics(path string, p Progress) error {
	old, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var keep []byte
	for line := range bytes.Lines(old) {
		var r Record
		if json.Unmarshal(line, &r) != nil || line[len(line)-1] != '\n' {
			continue // a line cut short by a crash is after the checkpoint
		}
		if r.Val != nil && p.Evaluations > 0 && r.Step <= p.Last.Step || r.Val == nil && r.Step <= p.Step {
			keep = append(keep, line...)
		}
	}
	if bytes.Equal(keep, old) {
		return nil
	}
	temp := filepath.Join(filepath.Dir(path), tempPrefix+filepath.Base(path))
	if err := os.RemoveAll(temp); err != nil {
		return err
	}
	err = writeFile(temp, func(w io.Writer) error {
		_, err := w.Write(keep)
		return err
	})
	if err != nil {
		os.Remove(temp)
		return err
	}
	return os.Rename(temp, path)
}

func (l *metricsLog) add(r Record) error {
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("writing the log: %w", err)
	}
	if _, err := l.w.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("writing the log: %w", err)
	}
	return nil
}

// flush hands everything to the operating system and the disk.
func (l *metricsLog) flush() error {
	if err := l.w.Flush(); err != nil {
		return fmt.Errorf("writing the log: %w", err)
	}
	if err := l.f.Sync(); err != nil {
		return fmt.Errorf("writing the log: %w", err)
	}
	return nil
}

func (l *metricsLog) close() error {
	return errors.Join(l.flush(), l.f.Close())
}

// ReadMetrics reads the log of a run.
func ReadMetrics(run string) ([]Record, error) {
	path := filepath.Join(run, MetricsFile)
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the log: %w", err)
	}
	defer f.Close()
	var records []Record
	d := json.NewDecoder(bufio.NewReader(f))
	for {
		var r Record
		if err := d.Decode(&r); err == io.EOF {
			return records, nil
		} else if err != nil {
			return nil, fmt.Errorf("reading the log: %s, record %d: %w", path, len(records)+1, err)
		}
		records = append(records, r)
	}
}
