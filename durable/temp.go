package durable

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const tempPrefix = ".tmp-" // of what is being written or removed

// Temp gives make a name beside path for what is to be called that, or was, and another
// one as long as make says that the name is taken. It returns the name that make took.
func Temp(path string, make func(temp string) error) (temp string, err error) {
	dir, name := filepath.Split(path)
	for i := 1; ; i++ {
		temp = filepath.Join(dir, fmt.Sprintf("%s%s-%d", tempPrefix, name, i))
		if err = make(temp); !errors.Is(err, os.ErrExist) {
			return temp, err
		}
	}
}

// tempOf is what a name that Temp gives stands for.
func tempOf(temp string) (name string, ok bool) {
	name, ok = strings.CutPrefix(temp, tempPrefix)
	dash := strings.LastIndexByte(name, '-')
	if !ok || dash < 0 || strings.Trim(name[dash+1:], "0123456789") != "" {
		return "", false
	}
	return name[:dash], true
}

// Sweep removes from dir what an interrupted Save, Replace or Remove has left behind of
// the names that ours knows, as far as it goes: what stays is in nobody's way. Of what has
// a temporary name and is a link, the link goes; what somebody else has named so stays.
// No other process may write in dir meanwhile.
func Sweep(fs FS, dir string, ours func(name string) bool) {
	names, err := fs.List(dir)
	if err != nil {
		return
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		if !strings.HasPrefix(name, tempPrefix) {
			return true
		}
		of, temp := tempOf(name)
		return !(temp && ours(of)) && !fs.IsLink(filepath.Join(dir, name))
	})
	// What was renamed to go must not come back without its files.
	if len(names) == 0 || fs.Sync(dir) != nil {
		return
	}
	for _, name := range names {
		removeTree(fs, filepath.Join(dir, name))
	}
}

// Remove removes what has these names in dir, with all that is in it; of a link, the
// link. First all names go, durably, then what they named: after an error the first
// removed ones are gone, and the names of the others may be, until Sweep takes them.
func Remove(fs FS, dir string, names []string) (removed int, err error) {
	there, err := fs.List(dir)
	if err != nil {
		return 0, err
	}
	var temps []string
	for _, name := range names {
		temp, err := Temp(filepath.Join(dir, name), func(temp string) error {
			if slices.Contains(there, filepath.Base(temp)) {
				return os.ErrExist // a rename might replace it
			}
			return fs.Rename(filepath.Join(dir, name), temp)
		})
		if err != nil {
			return 0, err
		}
		temps = append(temps, temp)
	}
	if err := fs.Sync(dir); err != nil {
		return 0, err
	}
	for i, temp := range temps {
		if err := removeTree(fs, temp); err != nil {
			return i, err
		}
	}
	return len(names), nil
}

// removeTree removes a directory and what is in it, as far as it goes: of a link, in
// its place or in it, the link, and never what it leads to.
func removeTree(fs FS, dir string) error {
	names, err := fs.List(dir)
	if err != nil {
		return fs.Remove(dir) // a file or a link
	}
	for _, name := range names {
		if err := removeTree(fs, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return fs.Remove(dir)
}
