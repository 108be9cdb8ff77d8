package kernel

// Rotate turns the pairs (x[j], x[j+p]) of a row of 2p numbers by angles that cos and sin
// tell, p numbers each:
//
//	for j < p { x[j], x[j+p] = x[j]*cos[j] - x[j+p]*sin[j], x[j+p]*cos[j] + x[j]*sin[j] }
func Rotate[T Float](x, cos, sin []T) {
	p := len(cos)
	mustLen("Rotate", len(x), 2*p, 2*len(sin))
	a, b := x[:p], x[p:]
	if vectors && hasVectors[T]() {
		rotateVector(as32(a), as32(b), as32(cos), as32(sin))
		return
	}
	for j, c := range cos {
		u, v, s := a[j], b[j], sin[j]
		a[j], b[j] = u*c-v*s, v*c+u*s
	}
}

// RotateBack turns the pairs back, by the negative angles:
//
//	for j < p { x[j], x[j+p] = x[j]*cos[j] + x[j+p]*sin[j], x[j+p]*cos[j] - x[j]*sin[j] }
func RotateBack[T Float](x, cos, sin []T) {
	p := len(cos)
	mustLen("RotateBack", len(x), 2*p, 2*len(sin))
	a, b := x[:p], x[p:]
	if vectors && hasVectors[T]() {
		rotateBackVector(as32(a), as32(b), as32(cos), as32(sin))
		return
	}
	for j, c := range cos {
		u, v, s := a[j], b[j], sin[j]
		a[j], b[j] = u*c+v*s, v*c-u*s
	}
}
