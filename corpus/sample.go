package corpus

import (
	"embed"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// sampleFiles are data at hand: a file NAME.ext of them is read as the path @NAME.
//
// sampleFiles are small built-in data sets: the path @NAME reads the file NAME.ext among
// them.
//
//go:embed samples
var sampleFiles embed.FS

const sampleMark = "@"

// IsSample reports whether path names built-in data, such as "@chats", not a file. (A file
// with such a name is "./@chats".)
func IsSample(path string) bool { return strings.HasPrefix(path, sampleMark) }

// Samples lists the paths of the built-in data.
func Samples() (paths []string) {
	entries, err := sampleFiles.ReadDir("samples")
	if err != nil {
		panic("corpus: " + err.Error())
	}
	for _, e := range entries {
		paths = append(paths, sampleMark+strings.TrimSuffix(e.Name(), filepath.Ext(e.Name())))
	}
	slices.Sort(paths)
	return paths
}

// CheckPath returns an error if there is neither a file at path nor a sample.
func CheckPath(path string) error {
	_, err := stat(path)
	return err
}

// openSample opens the sample at path; sample is false if path is the path of a file.
func openSample(path string) (f fs.File, sample bool, err error) {
	if !IsSample(path) {
		return nil, false, nil
	}
	entries, err := sampleFiles.ReadDir("samples")
	if err != nil {
		return nil, true, err
	}
	for _, e := range entries {
		if sampleMark+strings.TrimSuffix(e.Name(), filepath.Ext(e.Name())) == path {
			f, err = sampleFiles.Open("samples/" + e.Name())
			return f, true, err
		}
	}
	return nil, true, fmt.Errorf("there is no sample %s: choose %s; a file of that name is ./%s", path, strings.Join(Samples(), " or "), path)
}
