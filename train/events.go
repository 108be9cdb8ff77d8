package train

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/tfevents"
)

// An eventsLog writes an event file for TensorBoard with the records of metrics.jsonl. Its
// content depends only on the lines of the log and on the time when the run began, and it is
// never ahead of the log. If it differs from the log, because the run was killed, went back,
// or had no event file before, it is written again under the next number, so that an open
// TensorBoard reads it again. An error of writing does not stop the run; close returns it.
type eventsLog struct {
	fs     durable.FS
	run    string
	number int
	began  float64         // seconds since 1970
	f      durable.OutFile // nil if the file must be written again
	err    error           // the reason for that
}

const eventsPrefix, eventsSuffix = "events.out.tfevents.", ".pedestrian"

func eventsName(number int) string {
	return fmt.Sprintf("%s%010d%s", eventsPrefix, number, eventsSuffix)
}

// eventsNumber returns the number in the name of an event file that a run wrote.
func eventsNumber(name string) (number int, ok bool) {
	digits, ok := strings.CutPrefix(strings.TrimSuffix(name, eventsSuffix), eventsPrefix)
	if !ok {
		return 0, false
	}
	number, err := strconv.Atoi(digits)
	return number, err == nil && eventsName(number) == name
}

// showEvents opens the event file of the log if it is up to date, and otherwise writes a new
// one. elapsed is the time of the run so far in seconds.
func (l *metricsLog) showEvents(elapsed float64) {
	e := &eventsLog{fs: l.fs, run: l.run, began: float64(time.Now().UnixMicro())/1e6 - elapsed}
	l.events = e
	names, err := e.fs.List(e.run)
	if err != nil {
		e.err = err
		return
	}
	for _, name := range names {
		if n, ok := eventsNumber(name); ok {
			e.number = max(e.number, n)
		}
	}
	if e.number > 0 && e.reopen(l) {
		return
	}
	e.rewrite(l)
}

// reopen opens the newest event file if it agrees with the log.
func (e *eventsLog) reopen(l *metricsLog) bool {
	path := filepath.Join(e.run, eventsName(e.number))
	f, err := e.fs.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	began, err := tfevents.Began(io.NewSectionReader(f, 0, f.Size()))
	if err != nil {
		return false
	}
	e.began = began
	same := &comparer{f: f}
	if err := e.write(l, same); err != nil || same.at != f.Size() {
		return false
	}
	e.f, e.err = e.fs.Extend(path)
	return e.err == nil
}

// rewrite writes the events of the whole log into a file with the next number, and removes the
// older files.
func (e *eventsLog) rewrite(l *metricsLog) {
	e.stop()
	e.number++
	name := eventsName(e.number)
	_, err := durable.Replace(e.fs, e.run, durable.File{Name: name, Write: func(w io.Writer) error { return e.write(l, w) }})
	if err == nil {
		err = e.fs.Sync(e.run)
	}
	if err == nil {
		e.f, err = e.fs.Extend(filepath.Join(e.run, name))
	}
	if e.err = err; err != nil {
		e.f = nil
		return
	}
	names, _ := e.fs.List(e.run)
	for _, old := range names {
		if n, ok := eventsNumber(old); ok && n < e.number {
			e.fs.Remove(filepath.Join(e.run, old))
		}
	}
}

// write writes the events of the whole log.
func (e *eventsLog) write(l *metricsLog, w io.Writer) error {
	if _, err := w.Write(tfevents.AppendHeader(nil, e.began)); err != nil {
		return err
	}
	f, err := e.fs.Open(l.path())
	if err != nil {
		return err
	}
	defer f.Close()
	return eachLine(io.NewSectionReader(f, 0, l.length), func(line []byte) error {
		_, err := w.Write(e.event(line))
		return err
	})
}

// add writes the events of lines, which are in the log already.
func (e *eventsLog) add(lines []byte) {
	if e == nil || e.f == nil {
		return
	}
	var b []byte
	for line := range bytes.Lines(lines) {
		b = append(b, e.event(line)...)
	}
	n, err := e.f.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if err != nil {
		e.stop()
		e.err = err
	}
}

// event returns the event of a line of the log.
func (e *eventsLog) event(line []byte) []byte {
	var r Record
	if json.Unmarshal(line, &r) != nil {
		return nil
	}
	point := func(tag string, value float64) tfevents.Scalar {
		return tfevents.Scalar{Tag: tag, Value: float32(value)}
	}
	var scalars []tfevents.Scalar
	switch passed := r.Action == SpikeSkip || r.Action == SpikeRewind; {
	case r.Val != nil:
		scalars = append(scalars, point("loss/validation", *r.Val))
	case r.Loss != nil && passed:
		scalars = append(scalars, point("spike/loss", *r.Loss))
	case r.Loss != nil:
		scalars = append(scalars, point("loss/train", *r.Loss), point("lr", r.Rate), point("grad_norm", r.Norm), point("clip_scale", r.Scale), point("tokens_per_s", r.TokensPerSecond))
	default:
		return nil
	}
	return tfevents.Append(nil, e.began+r.Seconds, r.Step, scalars...)
}

// stop closes the file; the next sync writes a new one.
func (e *eventsLog) stop() {
	if e.f != nil {
		e.f.Close()
		e.f = nil
	}
}

// sync writes a new file if that is necessary, and syncs the file.
func (e *eventsLog) sync(l *metricsLog) {
	if e == nil {
		return
	}
	if e.f == nil {
		e.rewrite(l)
	}
	if e.f == nil {
		return
	}
	if err := e.f.Sync(); err != nil {
		e.stop()
		e.err = err
	}
}

// close closes the file. If the file does not agree with the log, it returns the reason.
func (e *eventsLog) close() error {
	if e == nil {
		return nil
	}
	e.stop()
	if e.err != nil {
		return fmt.Errorf("writing the event file: %w", e.err)
	}
	return nil
}

// A comparer is a writer that fails if the bytes differ from those of f.
type comparer struct {
	f  durable.InFile
	at int64
}

func (c *comparer) Write(p []byte) (int, error) {
	b := make([]byte, len(p))
	if _, err := c.f.ReadAt(b, c.at); err != nil && !(err == io.EOF && c.at+int64(len(p)) == c.f.Size()) {
		return 0, err
	}
	if !bytes.Equal(b, p) {
		return 0, errors.New("it differs")
	}
	c.at += int64(len(p))
	return len(p), nil
}
