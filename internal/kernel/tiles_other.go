//go:build !amd64

package kernel

// Only amd64 has tiles.

//lint:ignore U1000 it is embedded in productBF16
type tileProduct struct{}

func (t *productBF16) tiles(p *Pool) { panic(noVectors) }

func (w *PackedBF16) packPanel(p *Pool, m Weight[float32], from, to int) { panic(noVectors) }

func roundVector(y []BF16, x []float32) { panic(noVectors) }

func splitVector(y []BF16, x []float32, part int) { panic(noVectors) }

func widenVector(y []float32, x []BF16) { panic(noVectors) }

func widenPanelVector(dst []float32, stride int, panel []byte, at, terms int) { panic(noVectors) }

func widenF16Vector(y []float32, x []uint16) { panic(noVectors) }

func peakBF16(p Path, n int) float64 { panic(noVectors) }

func tilesBF16(n int) float64 { panic(noVectors) }
