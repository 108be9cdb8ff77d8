package train

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"path/filepath"

	"github.com/pedestrian-ml/pedestrian/durable"
)

// maxRecord is the largest length of a line of the log in bytes. A record has a few hundred.
const maxRecord = 64 << 10

// eachLine calls each with every line of in, with its line end. Of a line longer than maxRecord
// it gives only the beginning, which is not a valid record.
func eachLine(in io.Reader, each func(line []byte) error) error {
	r := bufio.NewReaderSize(in, maxRecord)
	for {
		line, err := r.ReadSlice('\n')
		if len(line) > 0 {
			if err := each(line); err != nil {
				return err
			}
		}
		for err == bufio.ErrBufferFull {
			_, err = r.ReadSlice('\n')
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Records returns the records in the log of the directory run. It needs the memory of one
// record. The last pair may have an error.
func Records(run string) iter.Seq2[Record, error] {
	path := filepath.Join(run, MetricsFile)
	return func(yield func(Record, error) bool) {
		fs, err := durable.OS.Within(run)
		if err != nil {
			yield(Record{}, fmt.Errorf("reading the log: %w", err))
			return
		}
		defer fs.Close()
		f, err := fs.Open(path)
		if err != nil {
			yield(Record{}, fmt.Errorf("reading the log: %w", err))
			return
		}
		defer f.Close()
		n := 0
		err = eachLine(io.NewSectionReader(f, 0, f.Size()), func(line []byte) error {
			if n++; len(bytes.TrimSpace(line)) == 0 {
				return nil
			}
			var r Record
			if err := json.Unmarshal(line, &r); err != nil {
				return fmt.Errorf("line %d: %w", n, err)
			}
			if !yield(r, nil) {
				return errStopped
			}
			return nil
		})
		if err != nil && err != errStopped {
			yield(Record{}, fmt.Errorf("reading the log: %s, %w", path, err))
		}
	}
}

// errStopped ends the reading when the loop over Records ends.
var errStopped = fmt.Errorf("stopped")
