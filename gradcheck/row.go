package gradcheck

import "fmt"

// parameterRow is the row of a piece, nothing compared yet.
func (r *pass) parameterRow(q piece, n *numeric) Row {
	row := q.row()
	row.How, row.analytic, row.numeric = "central differences", of(q, r.gradients()[q.tensor].V), n
	if q.note != "" {
		row.How += "; " + q.note
	}
	if theorem := r.theorem(q, row.analytic); theorem != "" {
		row.How, row.Theorem = theorem, true
	}
	return row
}

// nullDirection is the theorem about key biases.
const nullDirection = "exact null direction (29)"

// noEffect is the theorem about parameters that an adapter's stand in the place of.
const noEffect = "exactly 0: the adapter's is in its place"

// theorem says which theorem makes a piece's gradient zero where it is exactly zero.
func (r *pass) theorem(q piece, g []float64) string {
	switch {
	case q.note == nullDirection && largest(g) == 0:
		return nullDirection
	case q.note == noEffect && largest(g) == 0:
		return noEffect
	case q.param == "tok.w" && !r.Config.Tied:
		if n := zeroRows(g, q.cols); n > 0 {
			return fmt.Sprintf("rows of %d %s that do not occur exactly 0", n, plural(n, "token"))
		}
	case q.param == "pos.w":
		if n := zeroRows(g, q.cols); n > 0 {
			return fmt.Sprintf("rows of %d %s beyond n_T exactly 0", n, plural(n, "position"))
		}
	}
	return ""
}

// differences fills in the two comparisons with finite differences.
func (row *Row) differences(float32 bool) {
	tolerance, floor := DifferenceTolerance, DifferenceFloor
	if float32 {
		tolerance, floor = float32Tolerance, float32Floor
	}
	n := row.numeric
	row.Total, row.Largest = len(row.analytic), Number(largest(row.analytic))
	var a, b []float64
	var where []int
	for _, i := range n.entries() {
		if n.refused[i] {
			row.Refused++
			continue
		}
		a, b, where = append(a, row.analytic[i]), append(b, n.slope[i]), append(where, i)
	}
	measure := func(a, n float64) float64 { return Relative(a, n, floor) }
	row.Differences = Compare(a, b, 1, tolerance, measure)
	if len(where) > 0 {
		i := where[row.Differences.Worst.Row]
		row.Differences.Worst.Row, row.Differences.Worst.Col = i/row.Cols, i%row.Cols
	}
	row.Checked = len(a)
	a, b = nil, nil
	for _, d := range n.along {
		if !d.refused {
			a, b = append(a, dot(row.analytic, d.v)), append(b, d.slope)
		}
	}
	row.Directions = Compare(a, b, 1, tolerance, measure)
}

// judge decides whether the row passes and, where differences have the digits for
// it, looks for the cause when it does not.
func (row *Row) judge(r *pass, precise bool) {
	row.OK = true
	for _, c := range row.Comparisons() {
		row.OK = row.OK && c.OK
	}
	if precise && !row.Differences.OK && row.Checked == row.Total {
		row.Diagnosis = r.diagnose(row.analytic, row.numeric.slope, row.Cols, r.terms(row)).text
	}
}

// zeroRows counts the rows that are zero to the bit.
func zeroRows(g []float64, cols int) (n int) {
	for t := range len(g) / cols {
		if largest(g[t*cols:(t+1)*cols]) == 0 {
			n++
		}
	}
	return n
}
