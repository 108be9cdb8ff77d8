package corpus

import (
	"crypto/sha256"
	"fmt"
	"io"
)

// CheckDisjoint returns an error if a file at val, or under it, has the same bytes as a file
// at data. A validation loss on such a file would measure what was memorised.
func CheckDisjoint(data, val string) error {
	train, err := files(data)
	if err != nil {
		return fmt.Errorf("compare training and validation: %w", err)
	}
	valFiles, err := files(val)
	if err != nil {
		return fmt.Errorf("compare training and validation: %w", err)
	}
	sizes := map[int64][]string{}
	for _, p := range train {
		if info, err := stat(p); err == nil && info.Mode().IsRegular() {
			sizes[info.Size()] = append(sizes[info.Size()], p)
		}
	}
	for _, v := range valFiles {
		info, err := stat(v)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		for _, p := range sizes[info.Size()] {
			same, err := sameBytes(p, v)
			if err != nil {
				return fmt.Errorf("compare training and validation: %w", err)
			}
			if same {
				return fmt.Errorf("compare training and validation: %s is for validation and holds the bytes of %s, which is trained on: take other text, or leave val out and a part is kept", v, p)
			}
		}
	}
	return nil
}

// sameBytes compares two files by their SHA-256.
func sameBytes(a, b string) (bool, error) {
	var sums [2][sha256.Size]byte
	for i, path := range []string{a, b} {
		f, err := openFile(path)
		if err != nil {
			return false, err
		}
		h := sha256.New()
		_, err = io.Copy(h, f)
		f.Close()
		if err != nil {
			return false, fmt.Errorf("%s: %w", path, withoutPath(err))
		}
		h.Sum(sums[i][:0])
	}
	return sums[0] == sums[1], nil
}
