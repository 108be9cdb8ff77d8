package train

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
)

const tempPrefix = ".tmp-" // of what is being written or removed

// A file is what to write under a name.
type file struct {
	name  string
	bytes int64                 // about as many
	write func(io.Writer) error // the same each time, from what nobody changes meanwhile
}

// textFile is a file of what is there already.
func textFile(name string, text []byte) file {
	return file{name, 0, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	}}
}

// summedBeside is the size from which on a file is summed up by another goroutine. It
// reads the numbers for itself: to take the pieces that are written costs as much as to
// sum them up, since these go from one processor to the other and back. A smaller file
// is written before the other one has begun.
const summedBeside = 8 << 20

// save makes a checkpoint of a step appear in the directory run, whole or not at all:
//
//	.tmp-step-N-1/     a new directory
//	    each file      written, synced, closed; size and digest are taken on the way
//	    MANIFEST.json  sizes and digests of the others; the same, last
//	                   the directory synced: these names last
//	step-N/            renamed: here it is, for who looks
//	                   the run directory synced: here it is, whatever happens
//
// Only then it is saved. After an error nothing is tried twice, least of all a sync,
// which may succeed on what it has lost: the attempt is taken back, and the next save
// begins with new files.
func save(fs fileSystem, run string, step int, files []file) (dir string, err error) {
	removeTemps(fs, run)
	names, err := fs.List(run)
	if err != nil {
		return "", err
	}
	e := Entry{Step: step, Revision: 1}
	for slices.Contains(names, e.name()) {
		e.Revision++
	}
	dir = filepath.Join(run, e.name())
	temp := tempName(run, names, e.name())
	if err := fs.Mkdir(temp); err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			removeTree(fs, temp)
		}
	}()
	m := manifest{Format: checkpointFormat, Step: step}
	for _, f := range files {
		entry, err := writeFile(fs, temp, f)
		if err != nil {
			return "", err
		}
		m.Files = append(m.Files, entry)
	}
	if _, err := writeFile(fs, temp, textFile(ManifestFile, m.text())); err != nil {
		return "", err
	}
	if err := fs.Sync(temp); err != nil {
		return "", err
	}
	if err := fs.Rename(temp, dir); err != nil {
		return "", err
	}
	if err := fs.Sync(run); err != nil {
		fs.Rename(dir, temp)
		return "", err
	}
	return dir, nil
}

// writeFile writes a new file in dir through to the disk and says what it is.
func writeFile(fs fileSystem, dir string, f file) (e fileEntry, err error) {
	out, err := fs.Create(filepath.Join(dir, f.name))
	if err != nil {
		return e, err
	}
	sum := newSum(f.name)
	summed := func() error { return nil }
	d := newDigest(out, sum)
	if f.bytes >= summedBeside {
		d.sum = io.Discard
		summed = beside(func() error { return writeTo(newDigest(io.Discard, sum), f) })
	}
	err = writeTo(d, f)
	if err == nil {
		err = out.Sync()
	}
	if other := summed(); err == nil {
		err = other
	}
	if closing := out.Close(); err == nil {
		err = closing
	}
	e = fileEntry{Name: f.name, Bytes: d.n}
	e.setSum(sum)
	return e, err
}

// writeTo gives d all of f.
func writeTo(d *digest, f file) error {
	err := f.write(d)
	if left := d.flush(); err == nil {
		err = left
	}
	return err
}

// beside begins do in another goroutine; what it returns waits for the end.
func beside(do func() error) (wait func() error) {
	done := make(chan error, 1)
	go func() { done <- do() }()
	return func() error { return <-done }
}

// tempName is a name in the directory run, which holds names, that nobody has.
func tempName(run string, names []string, name string) string {
	for i := 1; ; i++ {
		if temp := fmt.Sprintf("%s%s-%d", tempPrefix, name, i); !slices.Contains(names, temp) {
			return filepath.Join(run, temp)
		}
	}
}

// isTemp says whether name is one that tempName gives: of a checkpoint, or of a file that
// a run writes beside them.
func isTemp(name string) bool {
	of, ours := strings.CutPrefix(name, tempPrefix)
	dash := strings.LastIndexByte(of, '-')
	if !ours || dash < 0 || strings.Trim(of[dash+1:], "0123456789") != "" {
		return false
	}
	_, checkpoint := parseEntry(of[:dash])
	_, events := eventsNumber(of[:dash])
	return checkpoint || events || slices.Contains(runFiles, of[:dash])
}

// removeTemps removes what an interrupted save or prune left behind, as far as it
// goes: what stays is in nobody's way. Of what has such a name and is a link, the link
// goes; what somebody else has named so stays.
func removeTemps(fs fileSystem, run string) {
	names, err := fs.List(run)
	if err != nil {
		return
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		return !strings.HasPrefix(name, tempPrefix) || !isTemp(name) && !fs.IsLink(filepath.Join(run, name))
	})
	// A checkpoint that was renamed to go must not come back without its files.
	if len(names) == 0 || fs.Sync(run) != nil {
		return
	}
	for _, name := range names {
		removeTree(fs, filepath.Join(run, name))
	}
}
