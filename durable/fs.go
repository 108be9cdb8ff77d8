package durable

import (
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
)

// An FS is a file system whose changes can be made durable: [OS], [In] a directory of it,
// and those with which tests fail. Nothing is durable before it was synced: what is in a
// file by OutFile.Sync, which names a directory holds by Sync. Names are paths, as those
// of package os are, and errors name them as they were given.
//
// A directory may be anybody's, with links in it to anywhere. All that is done in one is
// done within it, after Within: a link in it is read through where it leads to another
// place in it, and told as [Linked] where it leads out; and nothing is written through a
// link, nor removed.
type FS interface {
	Within(dir string) (FS, error)             // the same with the same names, of which none leads out of dir; Close it
	Close() error                              //
	Mkdir(dir string) error                    // a new directory
	Create(name string) (OutFile, error)       // a new file
	Extend(name string) (OutFile, error)       // a file that is there under this name alone, to write after its end
	Open(name string) (InFile, error)          // a regular file, to read
	List(dir string) ([]string, error)         // the names in a directory, which a link is not, sorted
	IsLink(name string) bool                   //
	Rename(from, to string) error              // in one directory; to is not there yet, or is a file or a link and replaced
	Remove(name string) error                  // a file, a link or an empty directory
	Sync(dir string) error                     // the names in a directory reach the disk
	Lock(name string) (io.Closer, error)       // makes the file name the sign that this process writes here; see [OS]
	Free(dir string) (bytes int64, known bool) // room that is left
}

// An OutFile is a file that is being written.
type OutFile interface {
	io.Writer
	Sync() error // what was written reaches the disk
	Close() error
}

// An InFile is a file that is being read.
type InFile interface {
	io.ReaderAt
	Size() int64
	Close() error
}

// Linked says that a name leads out of a directory by a symbolic link, or is one where
// something is to be written.
type Linked struct {
	Path string
	Dir  string // out of which it leads; "" = nothing is written through links
}

func (l *Linked) Error() string {
	if l.Dir == "" {
		return l.Path + " is a link, through which nothing is written: remove it"
	}
	return fmt.Sprintf("%s is a link that leads out of %s, and is not followed: put what it leads to there", l.Path, l.Dir)
}

// isLinked says whether err is that something is a link.
func isLinked(err error) bool { return errors.As(err, new(*Linked)) }

// reason is err without the path, for messages that name the file already.
func reason(err error) error {
	if p := (*iofs.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	return err
}
