//go:build !(darwin || linux)

package hub

// freeSpace does not know.
func freeSpace(dir string) (bytes int64, known bool) { return 0, false }
