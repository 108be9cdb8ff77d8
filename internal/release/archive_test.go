package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"slices"
	"testing"
	"time"
)

// An archive holds its files with their contents and modes, and the same files at the
// same time give the same bits, in whatever zone the time is told.
func TestArchives(t *testing.T) {
	files := []file{{"pedestrian", 0o755, bytes.Repeat([]byte("program "), 1000)}, {"LICENSE", 0o644, []byte("MIT")}}
	at := time.Date(2026, 11, 30, 1, 2, 4, 0, time.UTC)
	type pack func(folder string, files []file, at time.Time) ([]byte, error)
	type open func(archive []byte) []file
	for _, c := range []struct {
		name string
		pack pack
		open open
	}{
		{"tar.gz", tarred, func(archive []byte) (got []file) {
			z, err := gzip.NewReader(bytes.NewReader(archive))
			if err != nil {
				t.Fatal(err)
			}
			r := tar.NewReader(z)
			for head, err := r.Next(); err != io.EOF; head, err = r.Next() {
				if err != nil {
					t.Fatal(err)
				}
				data, err := io.ReadAll(r)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, file{head.Name, head.FileInfo().Mode(), data})
			}
			return got
		}},
		{"zip", zipped, func(archive []byte) (got []file) {
			z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range z.File {
				r, err := f.Open()
				if err != nil {
					t.Fatal(err)
				}
				data, err := io.ReadAll(r)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, file{f.Name, f.Mode(), data})
			}
			return got
		}},
	} {
		archive, err := c.pack("pedestrian-v1", files, at)
		if err != nil {
			t.Fatal(err)
		}
		want := []file{{"pedestrian-v1/pedestrian", 0o755, files[0].data}, {"pedestrian-v1/LICENSE", 0o644, files[1].data}}
		if got := c.open(archive); !slices.EqualFunc(got, want, func(a, b file) bool {
			return a.name == b.name && a.mode == b.mode && bytes.Equal(a.data, b.data)
		}) {
			t.Errorf("%s: the archive has other files than were put into it", c.name)
		}
		again, err := c.pack("pedestrian-v1", files, at.In(time.FixedZone("elsewhere", 3600)))
		if err != nil || !bytes.Equal(again, archive) {
			t.Errorf("%s: packed again, the archive differs (%v)", c.name, err)
		}
	}
}
