package kernel

// The kernels on slices for each path. All slices of a call have the same length.

const vectors = true

func dotVector(x, y []float32) float32 {
	if current == AVX2 {
		return dot256(at32(x, 0), at32(y, 0), len(x))
	}
	return dot512(at32(x, 0), at32(y, 0), len(x))
}

func sumVector(x []float32) float32 {
	if current == AVX2 {
		return sum256(at32(x, 0), len(x))
	}
	return sum512(at32(x, 0), len(x))
}

func deviationVector(x []float32, mean float32) float32 {
	if current == AVX2 {
		return deviation256(at32(x, 0), len(x), mean)
	}
	return deviation512(at32(x, 0), len(x), mean)
}

func maxVector(x []float32) float32 {
	if current == AVX2 {
		return max256(at32(x, 0), len(x))
	}
	return max512(at32(x, 0), len(x))
}

func sumSquaresVector(x []float32) float64 {
	if current == AVX2 {
		return sumSquares256(at32(x, 0), len(x))
	}
	return sumSquares512(at32(x, 0), len(x))
}

func extentVector(x []float32) (most, bits float32) {
	if current == AVX2 {
		return extent256(at32(x, 0), len(x))
	}
	return extent512(at32(x, 0), len(x))
}

func axpyVector(y []float32, a float32, x []float32) {
	if current == AVX2 {
		axpy256(at32(y, 0), a, at32(x, 0), len(x))
		return
	}
	axpy512(at32(y, 0), a, at32(x, 0), len(x))
}

func addToVector(z, x, y []float32) {
	if current == AVX2 {
		addTo256(at32(z, 0), at32(x, 0), at32(y, 0), len(x))
		return
	}
	addTo512(at32(z, 0), at32(x, 0), at32(y, 0), len(x))
}

func mulAddVector(y, a, x []float32) {
	if current == AVX2 {
		mulAdd256(at32(y, 0), at32(a, 0), at32(x, 0), len(x))
		return
	}
	mulAdd512(at32(y, 0), at32(a, 0), at32(x, 0), len(x))
}

func scaleVector(x []float32, a float32) {
	if current == AVX2 {
		scale256(at32(x, 0), len(x), a)
		return
	}
	scale512(at32(x, 0), len(x), a)
}

func softmaxBackwardVector(dy, y []float32, rowDot, a float32) {
	if current == AVX2 {
		softmaxBackward256(at32(dy, 0), at32(y, 0), len(y), rowDot, a)
		return
	}
	softmaxBackward512(at32(dy, 0), at32(y, 0), len(y), rowDot, a)
}

func expVector(x []float32) {
	if current == AVX2 {
		exp256(at32(x, 0), len(x))
		return
	}
	exp512(at32(x, 0), len(x))
}

func expSumVector(x []float32, a, shift float32) float32 {
	if current == AVX2 {
		return expSum256(at32(x, 0), len(x), a, shift)
	}
	return expSum512(at32(x, 0), len(x), a, shift)
}

func sumExpVector(x []float32, a, shift float32) float32 {
	if current == AVX2 {
		return sumExp256(at32(x, 0), len(x), a, shift)
	}
	return sumExp512(at32(x, 0), len(x), a, shift)
}

func reluVector(y, x []float32) {
	if current == AVX2 {
		relu256(at32(y, 0), at32(x, 0), len(x))
		return
	}
	relu512(at32(y, 0), at32(x, 0), len(x))
}

func reluBackwardVector(dx, y, dy, x []float32) {
	if current == AVX2 {
		reluBackward256(at32(dx, 0), at32(y, 0), at32(dy, 0), at32(x, 0), len(x))
		return
	}
	reluBackward512(at32(dx, 0), at32(y, 0), at32(dy, 0), at32(x, 0), len(x))
}

func geluVector(y, x []float32) {
	if current == AVX2 {
		gelu256(at32(y, 0), at32(x, 0), len(x))
		return
	}
	gelu512(at32(y, 0), at32(x, 0), len(x))
}

func geluBackwardVector(dx, y, dy, x []float32) {
	if current == AVX2 {
		geluBackward256(at32(dx, 0), at32(y, 0), at32(dy, 0), at32(x, 0), len(x))
		return
	}
	geluBackward512(at32(dx, 0), at32(y, 0), at32(dy, 0), at32(x, 0), len(x))
}

func geluTanhVector(y, x []float32) {
	if current == AVX2 {
		geluTanh256(at32(y, 0), at32(x, 0), len(x))
		return
	}
	geluTanh512(at32(y, 0), at32(x, 0), len(x))
}

func geluTanhBackwardVector(dx, y, dy, x []float32) {
	if current == AVX2 {
		geluTanhBackward256(at32(dx, 0), at32(y, 0), at32(dy, 0), at32(x, 0), len(x))
		return
	}
	geluTanhBackward512(at32(dx, 0), at32(y, 0), at32(dy, 0), at32(x, 0), len(x))
}

func siluVector(y, x []float32) {
	if current == AVX2 {
		silu256(at32(y, 0), at32(x, 0), len(x))
		return
	}
	silu512(at32(y, 0), at32(x, 0), len(x))
}

func siluBackwardVector(dx, y, dy, x []float32) {
	if current == AVX2 {
		siluBackward256(at32(dx, 0), at32(y, 0), at32(dy, 0), at32(x, 0), len(x))
		return
	}
	siluBackward512(at32(dx, 0), at32(y, 0), at32(dy, 0), at32(x, 0), len(x))
}

func rotateVector(a, b, cos, sin []float32) {
	if current == AVX2 {
		rotate256(at32(a, 0), at32(b, 0), at32(cos, 0), at32(sin, 0), len(cos))
		return
	}
	rotate512(at32(a, 0), at32(b, 0), at32(cos, 0), at32(sin, 0), len(cos))
}

func rotateBackVector(a, b, cos, sin []float32) {
	if current == AVX2 {
		rotateBack256(at32(a, 0), at32(b, 0), at32(cos, 0), at32(sin, 0), len(cos))
		return
	}
	rotateBack512(at32(a, 0), at32(b, 0), at32(cos, 0), at32(sin, 0), len(cos))
}

func normalizeVector(xhat, x []float32, mean, rstd float32) {
	if current == AVX2 {
		normalize256(at32(xhat, 0), at32(x, 0), len(x), mean, rstd)
		return
	}
	normalize512(at32(xhat, 0), at32(x, 0), len(x), mean, rstd)
}

func affineVector(y, xhat, w, b []float32) {
	if current == AVX2 {
		affine256(at32(y, 0), at32(xhat, 0), at32(w, 0), at32(b, 0), len(y))
		return
	}
	affine512(at32(y, 0), at32(xhat, 0), at32(w, 0), at32(b, 0), len(y))
}

func layerNormVector(y, xhat, x, w, b []float32, mean, rstd float32) {
	if current == AVX2 {
		layerNorm256(at32(y, 0), at32(xhat, 0), at32(x, 0), at32(w, 0), at32(b, 0), len(y), mean, rstd)
		return
	}
	layerNorm512(at32(y, 0), at32(xhat, 0), at32(x, 0), at32(w, 0), at32(b, 0), len(y), mean, rstd)
}

func normalizeSumsVector(dy, w, xhat []float32) (s, t float32) {
	if current == AVX2 {
		return normalizeSums256(at32(dy, 0), at32(w, 0), at32(xhat, 0), len(dy))
	}
	return normalizeSums512(at32(dy, 0), at32(w, 0), at32(xhat, 0), len(dy))
}

func layerNormSumsVector(dw, db, dy, w, xhat []float32) (s, t float32) {
	if current == AVX2 {
		return layerNormSums256(at32(dw, 0), at32(db, 0), at32(dy, 0), at32(w, 0), at32(xhat, 0), len(dy))
	}
	return layerNormSums512(at32(dw, 0), at32(db, 0), at32(dy, 0), at32(w, 0), at32(xhat, 0), len(dy))
}

func normalizeBackwardVector(dx, dy, w, xhat []float32, rstd, s, t float32) {
	if current == AVX2 {
		normalizeBackward256(at32(dx, 0), at32(dy, 0), at32(w, 0), at32(xhat, 0), len(dx), rstd, s, t)
		return
	}
	normalizeBackward512(at32(dx, 0), at32(dy, 0), at32(w, 0), at32(xhat, 0), len(dx), rstd, s, t)
}

func addRowsVector(y []float32, x Mat[float32]) {
	if x.Rows == 0 {
		return
	}
	if current == AVX2 {
		addRows256(at32(y, 0), at32(x.V, 0), len(y), x.Rows, 4*x.Stride)
		return
	}
	addRows512(at32(y, 0), at32(x.V, 0), len(y), x.Rows, 4*x.Stride)
}

func adamWVector(w, g, m, v []float32, h *AdamWStep[float32]) {
	if current == AVX2 {
		adamW256(at32(w, 0), at32(g, 0), at32(m, 0), at32(v, 0), len(w), &h.Scale)
		return
	}
	adamW512(at32(w, 0), at32(g, 0), at32(m, 0), at32(v, 0), len(w), &h.Scale)
}

// transposeVector transposes the rows of src that fill whole vectors, and returns their number.
func transposeVector(dst, src Mat[float32]) (rows int) {
	step, f := 16, packColumns512
	if current == AVX2 {
		step, f = 8, packColumns256
	}
	for ; rows+step <= src.Rows; rows += step {
		f(src.Cols, at32(dst.V, rows), 4*dst.Stride, at32(src.V, rows*src.Stride), 4*src.Stride, step)
	}
	return rows
}
