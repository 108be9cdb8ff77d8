//go:build !(darwin || linux)

package durable

// Free does not know.
func (disk) Free(dir string) (bytes int64, known bool) { return 0, false }
