package kernel

// Without tiles, bf16 matrices are multiplied as float32 matrices.

const (
	wideTerms = 1536    // terms at a time; the rounding depends on it
	wideMax   = 2 << 20 // elements of a that are converted at a time, but at least 64 rows
)

// widen computes the product t in float32. a is converted; b is widened where it is read.
func (t *productBF16) widen(p *Pool) {
	m := t.c.Rows
	terms := min(t.k, wideTerms)
	rows := min(m, max(wideMax/terms, 64))
	for k := 0; k < t.k; k += terms {
		k1 := min(k+terms, t.k)
		acc, bias := t.acc || k > 0, t.bias
		if k > 0 {
			bias = nil
		}
		b := t.b.subOrTransposed(k, k1, 0, t.c.Cols, t.form == formNT).weight()
		for i := 0; i < m; i += rows {
			i1 := min(i+rows, m)
			a, c := widened(p, &p.wideA, t.a.subOrTransposed(i, i1, k, k1, t.form == formTN)), t.c.Sub(i, i1, 0, t.c.Cols)
			switch t.form {
			case formNN:
				MulWeight(p, c, a, b, bias, acc)
			case formNT:
				MulWeightT(p, c, a, b, acc)
			default:
				MulTWeight(p, c, a, b, acc)
			}
		}
	}
}

// weight is m as an operand of products in float32.
func (m MatBF16) weight() Weight[float32] {
	return Weight[float32]{Mat[float32]{m.Rows, m.Cols, m.Stride, nil}, Narrow{V: asUint16(m.V)}}
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
