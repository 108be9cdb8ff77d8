package kernel

import "fmt"

// Transpose sets dst to the transpose of src:
//
//	for i, j { dst[j][i] = src[i][j] }
func Transpose[T Float](dst, src Mat[T]) {
	if dst.Rows != src.Cols || dst.Cols != src.Rows {
		panic(fmt.Sprintf("kernel.Transpose: %d×%d from %d×%d", dst.Rows, dst.Cols, src.Rows, src.Cols))
	}
	from := 0
	if vectors && hasVectors[T]() && src.Cols > 0 {
		from = transposeVector(Mat[float32]{dst.Rows, dst.Cols, dst.Stride, as32(dst.V)}, Mat[float32]{src.Rows, src.Cols, src.Stride, as32(src.V)})
	}
	for i := from; i < src.Rows; i++ {
		for j, v := range src.Row(i) {
			dst.V[j*dst.Stride+i] = v
		}
	}
}
