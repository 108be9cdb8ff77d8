package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/agext/levenshtein"
)

// nearestPath is what path, which is not there, may have been meant for: a directory or
// a file whose names are those of path but for one or two letters, or one in the
// directory of runs. "" when there is none.
func nearestPath(path string) string {
	tries := []string{path}
	if !filepath.IsAbs(path) {
		tries = append(tries, filepath.Join(runsDir, path))
		if base := filepath.Base(path); base != path {
			tries = append(tries, filepath.Join(runsDir, base))
		}
	}
	for _, p := range tries {
		if near := walkNear(filepath.Clean(p)); near != "" && near != filepath.Clean(path) {
			return near
		}
	}
	return ""
}

// walkNear goes along path, and where a name is not there, along the nearest one.
func walkNear(path string) string {
	at, rest := ".", path
	if filepath.IsAbs(path) {
		at, rest = string(filepath.Separator), strings.TrimPrefix(path, string(filepath.Separator))
	}
	for name := range strings.SplitSeq(rest, string(filepath.Separator)) {
		next := filepath.Join(at, name)
		if _, err := os.Lstat(next); err != nil {
			near := nearestName(at, name)
			if near == "" {
				return ""
			}
			next = filepath.Join(at, near)
		}
		at = next
	}
	return at
}

// nearestName is the entry of a directory with the fewest edits to name: one in three of
// its letters, and two at most.
func nearestName(dir, name string) (near string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	best := min(2, max(1, len(name)/3)) + 1
	for _, e := range entries {
		if len(e.Name()) > len(name)+2 {
			continue
		}
		if d := levenshtein.Distance(strings.ToLower(name), strings.ToLower(e.Name()), nil); d < best {
			best, near = d, e.Name()
		}
	}
	return near
}

// orNearest is a clause that names the nearest path, "" when there is none.
func orNearest(path string) string {
	if near := nearestPath(path); near != "" {
		return fmt.Sprintf("; did you mean %s?", shellQuote(near))
	}
	return ""
}
