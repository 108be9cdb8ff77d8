//go:build !(darwin || linux)

package train

// Free does not know.
func (disk) Free(dir string) (bytes int64, known bool) { return 0, false }
