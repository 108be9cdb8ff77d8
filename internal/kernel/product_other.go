//go:build !amd64 && !arm64

package kernel

// Without vectors there is only the portable path, which calls none of these.

func detect() []Path { return nil }

func vectorTile(p Path, m, n int) (tile size, longest int) { panic(noVectors) }

func readsUnpacked(p Path) bool { panic(noVectors) }

func packRowsVector(t *product[float32], dst []float32, k, k1, i, i1 int) { panic(noVectors) }

func packColumnsVector(p Path, dst []float32, b view[float32], n, cols, across int) { panic(noVectors) }

func tilesVector(t *product[float32], right []float32, k, k1, i, i1, j, j1 int) { panic(noVectors) }

func peakVector(p Path, n int) int { return 0 }

func tileVector(p Path, k int, a, b, c []float32) { panic(noVectors) }

func canTranspose(t *product[float32]) bool { return false }

func packNarrowVector(p Path, dst []float32, b view[float32], n, cols, across int) int { return 0 }

func readsNarrow(t *product[float32]) bool { return false }

func packBlocksVector(p Path, dst []float32, b Blocks, lines bool, n, cols, across int) int { return 0 }
