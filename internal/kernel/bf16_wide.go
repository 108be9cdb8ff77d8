package kernel

// Without tiles, parts of both operands are converted to float32 and multiplied as
// float32 matrices.

const (
	wideTerms = 1536    // terms at a time; the rounding depends on it
	wideMax   = 2 << 20 // elements of an operand at a time, but at least 64 rows or columns
)

// widen computes the product t in float32.
func (t *productBF16) widen(p *Pool) {
	m, n := t.c.Rows, t.c.Cols
	terms := min(t.k, wideTerms)
	rows, cols := min(m, max(wideMax/terms, 64)), min(n, max(wideMax/terms, 64))
	for k := 0; k < t.k; k += terms {
		k1 := min(k+terms, t.k)
		acc, bias := t.acc || k > 0, t.bias
		if k > 0 {
			bias = nil
		}
		for i := 0; i < m; i += rows {
			i1 := min(i+rows, m)
			wideA := widened(p, &p.wideA, t.a.subOrTransposed(i, i1, k, k1, t.form == formTN))
			for j := 0; j < n; j += cols {
				j1 := min(j+cols, n)
				wideB, c := widened(p, &p.wideB, t.b.subOrTransposed(k, k1, j, j1, t.form == formNT)), t.c.Sub(i, i1, j, j1)
				switch t.form {
				case formNN:
					var part []float32
					if bias != nil {
						part = bias[j:j1]
					}
					MulNN(p, c, wideA, wideB, part, acc)
				case formNT:
					MulNT(p, c, wideA, wideB, acc)
				default:
					MulTN(p, c, wideA, wideB, acc)
				}
			}
		}
	}
}

// subOrTransposed is Sub of m. If m is stored transposed, the bounds are those of its
// transpose, and so is the result.
func (m MatBF16) subOrTransposed(r0, r1, c0, c1 int, transposed bool) MatBF16 {
	if transposed {
		r0, r1, c0, c1 = c0, c1, r0, r1
	}
	return m.sub(r0, r1, c0, c1)
}

// widened converts m to float32, in the memory of *buf.
func widened(p *Pool, buf *[]byte, m MatBF16) Mat[float32] {
	t := &p.widening
	t.src, t.dst = m, Mat[float32]{m.Rows, m.Cols, m.Cols, floats[float32](buf, m.Rows*m.Cols)}
	p.Run(ceil(m.Rows, t.rows()), t)
	dst := t.dst
	*t = widening{}
	return dst
}

// widening is the Task of widened.
type widening struct {
	src MatBF16
	dst Mat[float32]
}

func (t *widening) rows() int { return max(packMin/max(t.src.Cols, 1), 1) }

func (t *widening) Do(_ *Pool, part int) {
	for i := part * t.rows(); i < min((part+1)*t.rows(), t.src.Rows); i++ {
		widenBF16(t.dst.Row(i), t.src.Row(i))
	}
}
