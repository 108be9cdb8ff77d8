//go:build !amd64

package kernel

// Only amd64 has vector kernels on slices.

const vectors = false

func dotVector(x, y []float32) float32 { panic(noVectors) }

func sumVector(x []float32) float32 { panic(noVectors) }

func deviationVector(x []float32, mean float32) float32 { panic(noVectors) }

func maxVector(x []float32) float32 { panic(noVectors) }

func sumSquaresVector(x []float32) float64 { panic(noVectors) }

func extentVector(x []float32) (most, bits float32) { panic(noVectors) }

func axpyVector(y []float32, a float32, x []float32) { panic(noVectors) }

func addToVector(z, x, y []float32) { panic(noVectors) }

func mulAddVector(y, a, x []float32) { panic(noVectors) }

func scaleVector(x []float32, a float32) { panic(noVectors) }

func softmaxBackwardVector(dy, y []float32, rowDot, a float32) { panic(noVectors) }

func expVector(x []float32) { panic(noVectors) }

func expSumVector(x []float32, a, shift float32) float32 { panic(noVectors) }

func sumExpVector(x []float32, a, shift float32) float32 { panic(noVectors) }

func reluVector(y, x []float32) { panic(noVectors) }

func reluBackwardVector(dx, y, dy, x []float32) { panic(noVectors) }

func geluVector(y, x []float32) { panic(noVectors) }

func geluBackwardVector(dx, y, dy, x []float32) { panic(noVectors) }

func geluTanhVector(y, x []float32) { panic(noVectors) }

func geluTanhBackwardVector(dx, y, dy, x []float32) { panic(noVectors) }

func siluVector(y, x []float32) { panic(noVectors) }

func siluBackwardVector(dx, y, dy, x []float32) { panic(noVectors) }

func rotateVector(a, b, cos, sin []float32) { panic(noVectors) }

func rotateBackVector(a, b, cos, sin []float32) { panic(noVectors) }

func normalizeVector(xhat, x []float32, mean, rstd float32) { panic(noVectors) }

func affineVector(y, xhat, w, b []float32) { panic(noVectors) }

func layerNormVector(y, xhat, x, w, b []float32, mean, rstd float32) { panic(noVectors) }

func normalizeSumsVector(dy, w, xhat []float32) (s, t float32) { panic(noVectors) }

func layerNormSumsVector(dw, db, dy, w, xhat []float32) (s, t float32) { panic(noVectors) }

func normalizeBackwardVector(dx, dy, w, xhat []float32, rstd, s, t float32) { panic(noVectors) }

func addRowsVector(y []float32, x Mat[float32]) { panic(noVectors) }

func adamWVector(w, g, m, v []float32, h *AdamWStep[float32]) { panic(noVectors) }

func transposeVector(dst, src Mat[float32]) (rows int) { panic(noVectors) }
