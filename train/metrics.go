package train

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/pedestrian-ml/pedestrian/durable"
)

// MetricsFile is the name of the log in a run directory. Each line is a Record as a JSON object.
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
	Action          string   `json:"action,omitempty"` // "warn", or "skip" or "rewind", which made no update
	ZLoss           float64  `json:"z_loss,omitempty"` // standard deviations above the window's mean
	ZNorm           float64  `json:"z_norm,omitempty"` //
	Seconds         float64  `json:"seconds"`
}

// A metricsLog appends records to metrics.jsonl. It keeps lines in memory until they are synced.
// After an error it writes them again to a new file, so that none is lost.
type metricsLog struct {
	fs      durable.FS
	run     string
	f       durable.OutFile
	length  int64      // synced bytes of the file
	tail    []byte     // the lines after them
	written int        // bytes of tail that were written to f
	broken  bool       // writing to f failed: its content after length is unknown
	events  *eventsLog // the event file for TensorBoard; nil without one
	back    *Progress  // lines after this progress must still be removed from the file; nil = none
}

// logBuffer is how many bytes of lines are collected before they are written.
const logBuffer = 4096

// openMetrics opens the log of a run at progress p. It removes later lines, because the run will
// write them again.
func openMetrics(fs durable.FS, run string, p Progress) (*metricsLog, error) {
	l := &metricsLog{fs: fs, run: run}
	size, whole, err := l.measure(p)
	exists := !errors.Is(err, os.ErrNotExist)
	if err != nil && exists {
		return nil, fmt.Errorf("opening the log: %w", err)
	}
	extends := exists && whole
	if extends {
		l.length = size
		l.f, err = fs.Extend(l.path())
	}
	if !extends || isLinked(err) { // a link, or a file with several names, is replaced by a new file
		err = l.replace(func(w io.Writer) error {
			if !exists {
				return nil
			}
			return l.copyLines(w, size, &p)
		})
	}
	if err != nil {
		return nil, fmt.Errorf("opening the log: %w", err)
	}
	return l, nil
}

// measure returns the size of the file, and whether p keeps all of its lines.
func (l *metricsLog) measure(p Progress) (size int64, whole bool, err error) {
	f, err := l.fs.Open(l.path())
	if err != nil {
		return 0, false, err
	}
	defer f.Close()
	whole = true
	err = eachLine(io.NewSectionReader(f, 0, f.Size()), func(line []byte) error {
		whole = whole && keeps(p, line)
		return nil
	})
	return f.Size(), whole, err
}

// copyLines copies the first size bytes of the file; if p is not nil, only the lines that it
// keeps.
func (l *metricsLog) copyLines(w io.Writer, size int64, p *Progress) error {
	f, err := l.fs.Open(l.path())
	if err != nil {
		return err
	}
	defer f.Close()
	if f.Size() < size {
		return fmt.Errorf("%s has %d bytes and had %d", l.path(), f.Size(), size)
	}
	in := io.NewSectionReader(f, 0, size)
	if p == nil {
		_, err = io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{in}, make([]byte, maxRecord))
		return err
	}
	return eachLine(in, func(line []byte) error {
		if !keeps(*p, line) {
			return nil
		}
		_, err := w.Write(line)
		return err
	})
}

func (l *metricsLog) path() string { return filepath.Join(l.run, MetricsFile) }

// cutMetrics returns the lines of old for the updates and evaluations that p counts.
func cutMetrics(old []byte, p Progress) (keep []byte) {
	eachLine(bytes.NewReader(old), func(line []byte) error {
		if keeps(p, line) {
			keep = append(keep, line...)
		}
		return nil
	})
	return keep
}

// keeps says whether p counts the update or the evaluation of line.
func keeps(p Progress, line []byte) bool {
	var r Record
	if json.Unmarshal(line, &r) != nil || line[len(line)-1] != '\n' {
		return false // a line that a crash cut off is later than the checkpoint
	}
	return r.Val != nil && p.Evaluations > 0 && r.Step <= p.Last.Step || r.Val == nil && r.Step <= p.Step
}

// replace replaces the file by a new one with the content that write writes, and syncs it.
func (l *metricsLog) replace(write func(io.Writer) error) error {
	if l.f != nil {
		l.f.Close()
		l.f = nil
	}
	length, err := durable.Replace(l.fs, l.run, durable.File{Name: MetricsFile, Write: write})
	if err != nil {
		return err
	}
	l.length, l.tail, l.written, l.broken, l.back = length, l.tail[:0], 0, false, nil
	if err := l.fs.Sync(l.run); err != nil {
		return err
	}
	f, err := l.fs.Extend(l.path())
	if err == nil {
		l.f = f
	}
	if l.events != nil {
		l.events.stop() // the event file may have lines that the log no longer has
	}
	return err
}

// cut removes the lines after p. After an error the next sync removes them.
func (l *metricsLog) cut(p Progress) error {
	l.tail, l.written, l.broken, l.back = cutMetrics(l.tail, p), 0, true, &p
	if err := l.trySync(); err != nil {
		return fmt.Errorf("cutting the log: %w", err)
	}
	return nil
}

// add appends a record. An error of writing is returned by the next sync.
func (l *metricsLog) add(r Record) error {
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("writing the log: %w", err)
	}
	l.tail = append(append(l.tail, line...), '\n')
	if len(l.tail)-l.written >= logBuffer {
		l.push()
	}
	return nil
}

// push writes all lines to the file, without a sync.
func (l *metricsLog) push() error {
	if l.broken || l.f == nil {
		return nil
	}
	n, err := l.f.Write(l.tail[l.written:])
	if err == nil && n < len(l.tail)-l.written {
		err = io.ErrShortWrite
	}
	if l.broken = err != nil; !l.broken {
		l.events.add(l.tail[l.written:])
	}
	l.written += n
	return err
}

// sync writes all lines and syncs the file.
func (l *metricsLog) sync() error {
	if err := l.trySync(); err != nil {
		return fmt.Errorf("writing the log: %w", err)
	}
	l.events.sync(l)
	return nil
}

func (l *metricsLog) trySync() error {
	if l.broken || l.f == nil {
		return l.replace(func(w io.Writer) error {
			if err := l.copyLines(w, l.length, l.back); err != nil {
				return err
			}
			_, err := w.Write(l.tail)
			return err
		})
	}
	if len(l.tail) == 0 {
		return nil
	}
	if err := l.push(); err != nil {
		return err
	}
	if err := l.f.Sync(); err != nil {
		l.broken = true
		return err
	}
	l.length += int64(len(l.tail))
	l.tail, l.written = l.tail[:0], 0
	return nil
}

func (l *metricsLog) close() error {
	err := l.sync()
	if l.f != nil {
		err = errors.Join(err, l.f.Close())
	}
	return errors.Join(err, l.events.close())
}
