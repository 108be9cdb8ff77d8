//go:build !amd64

package kernel

func vectorTile(p Path, n int) (tile size, longest int) { panic("kernel: no vectors") }
func packRowsVector(t *product[float32], dst []float32, k, k1, i, i1 int) {
	panic("kernel: no vectors")
}
func packColumnsVector(t *product[float32], dst []float32, k, k1, j, j1 int) {
	panic("kernel: no vectors")
}
func tilesVector(t *product[float32], right []float32, k, k1, i, i1, j, j1 int) {
	panic("kernel: no vectors")
}
func peakVector(p Path, n int) int { return 0 }
