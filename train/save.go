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
	write func(io.Writer) error
}

// save makes a checkpoint of a step appear in the directory run, whole or not at all:
//
//	.tmp-step-N-1/     a new directory
//	    each file      written, synced, closed; size and SHA-256 are taken on the way
//	    MANIFEST.json  the same, last
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
		entry, err := writeFile(fs, filepath.Join(temp, f.name), f.write)
		if err != nil {
			return "", err
		}
		m.Files = append(m.Files, entry)
	}
	_, err = writeFile(fs, filepath.Join(temp, ManifestFile), func(w io.Writer) error {
		_, err := w.Write(m.text())
		return err
	})
	if err != nil {
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

// writeFile writes a new file through to the disk and says what it is.
func writeFile(fs fileSystem, path string, write func(io.Writer) error) (e fileEntry, err error) {
	f, err := fs.Create(path)
	if err != nil {
		return e, err
	}
	d := newDigest(f)
	err = write(d)
	if err == nil {
		err = d.flush()
	}
	if err == nil {
		err = f.Sync()
	}
	e = fileEntry{filepath.Base(path), d.n, d.sum()}
	if closing := f.Close(); err == nil {
		err = closing
	}
	return e, err
}

// tempName is a name in the directory run, which holds names, that nobody has.
func tempName(run string, names []string, name string) string {
	for i := 1; ; i++ {
		if temp := fmt.Sprintf("%s%s-%d", tempPrefix, name, i); !slices.Contains(names, temp) {
			return filepath.Join(run, temp)
		}
	}
}

// removeTemps removes what an interrupted save or prune left behind, as far as it
// goes: what stays is in nobody's way.
func removeTemps(fs fileSystem, run string) {
	names, err := fs.List(run)
	if err != nil {
		return
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, tempPrefix) })
	// A checkpoint that was renamed to go must not come back without its files.
	if len(names) == 0 || fs.Sync(run) != nil {
		return
	}
	for _, name := range names {
		removeTree(fs, filepath.Join(run, name))
	}
}
