package durable

import (
	"io"
	"path/filepath"
)

// A File is what to write under a name. The zero value of what follows Write suits a
// small file.
type File struct {
	Name   string
	Write  func(io.Writer) error // the same each time, from what nobody changes meanwhile
	Bytes  int64                 // about as many; from 8 MiB on, Save calls Write twice, at the same time
	Blocks bool                  // Save takes a checksum of each block of 1 MiB, not one digest of all

	// Format is that of the directory at least, since programs that know earlier ones alone
	// cannot read what is in the file: a number from 3 to 4; 0 = the earliest.
	Format int
}

// summedBeside is the size from which on a file is summed up by another goroutine. It
// reads the numbers for itself: to take the pieces that are written costs as much as to
// sum them up, since these go from one processor to the other and back. A smaller file
// is written before the other one has begun.
const summedBeside = 8 << 20

// Save makes the directory called name, which is not there yet, appear in dir with these
// files and a manifest of them, whole or not at all:
//
//	.tmp-NAME-1/       a new directory
//	    each file      written, synced, closed; size and digest are taken on the way
//	    MANIFEST.json  sizes and digests of the others, and step; the same, last
//	                   the directory synced: these names last
//	NAME/              renamed: here it is, for who looks
//	                   dir synced: here it is, whatever happens
//
// Only then it is saved. After an error the attempt is taken back. [Open] reads it.
func Save(fs FS, dir, name string, step int, files []File) error {
	return appear(fs, filepath.Join(dir, name), func(temp string) error {
		m := manifest{Format: usualFormat, Step: step}
		for _, f := range files {
			entry, err := writeSummed(fs, temp, f)
			if err != nil {
				return err
			}
			m.Files, m.Format = append(m.Files, entry), max(m.Format, f.Format)
		}
		_, err := writeSummed(fs, temp, File{Name: ManifestFile, Write: func(w io.Writer) error {
			_, err := w.Write(m.text())
			return err
		}})
		return err
	})
}

// appear makes the directory path, with what fill puts into it while it has another name,
// appear whole or not at all. An empty directory of that name gives way.
func appear(fs FS, path string, fill func(temp string) error) (err error) {
	temp, err := Temp(path, fs.Mkdir)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			removeTree(fs, temp)
		}
	}()
	if err := fill(temp); err != nil {
		return err
	}
	if err := fs.Sync(temp); err != nil {
		return err
	}
	if err := place(fs, temp, path); err != nil {
		return err
	}
	if err := fs.Sync(filepath.Dir(path)); err != nil {
		fs.Rename(path, temp)
		return err
	}
	return nil
}

// place renames the directory temp to path.
func place(fs FS, temp, path string) error {
	err := fs.Rename(temp, path)
	if err == nil {
		return nil
	}
	if names, e := fs.List(path); e != nil || len(names) > 0 || fs.Remove(path) != nil {
		return err
	}
	return fs.Rename(temp, path) // where a rename does not replace an empty directory
}

// Replace puts f into dir, in place of a file or a link of that name, and says how many
// bytes it has: whatever happens, the old one is there or the new one. That it is the new
// one is durable once dir is synced, which is left to the caller.
func Replace(fs FS, dir string, f File) (bytes int64, err error) {
	path := filepath.Join(dir, f.Name)
	temp, out, err := create(fs, path)
	if err != nil {
		return 0, err
	}
	bytes, err = write(out, f, io.Discard)
	if err == nil {
		err = fs.Rename(temp, path)
	}
	if err != nil {
		fs.Remove(temp)
	}
	return bytes, err
}

// create makes a new file that is to be called path.
func create(fs FS, path string) (temp string, out OutFile, err error) {
	temp, err = Temp(path, func(temp string) (err error) {
		out, err = fs.Create(temp)
		return err
	})
	return temp, out, err
}

// writeSummed writes a new file in dir and says what it is.
func writeSummed(fs FS, dir string, f File) (e fileEntry, err error) {
	out, err := fs.Create(filepath.Join(dir, f.Name))
	if err != nil {
		return e, err
	}
	sum := newSum(f.Blocks)
	e = fileEntry{Name: f.Name}
	e.Bytes, err = write(out, f, sum)
	e.setSum(sum)
	return e, err
}

// write writes f through to the disk, sums it up, and says how many bytes it has.
func write(out OutFile, f File, sum io.Writer) (bytes int64, err error) {
	summed := func() error { return nil }
	d := newDigest(out, sum)
	if f.Bytes >= summedBeside && sum != io.Discard {
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
	return d.n, err
}

// writeTo gives d all of f.
func writeTo(d *digest, f File) error {
	err := f.Write(d)
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
