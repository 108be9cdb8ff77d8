package paper

import "fmt"

// Rows and Cols are the paper's tilde: Rows repeats v, one number per feature,
// as every one of n rows; Cols repeats v, one number per token, as every one of
// d columns.
func Rows(v Vec, n int) Mat { return each(n, len(v), func(_, j int) float64 { return v[j] }) }
func Cols(v Vec, d int) Mat { return each(len(v), d, func(t, _ int) float64 { return v[t] }) }

// Bias is a + b̃, the bias b added to every row. A nil b, a bias that is switched
// off, adds nothing.
func (a Mat) Bias(b Vec) Mat {
	if b == nil {
		return a
	}
	return a.Add(Rows(b, a.N))
}

// Columns cuts columns from, …, from+d-1 out of a.
func (a Mat) Columns(from, d int) Mat {
	if from < 0 || d < 0 || from+d > a.D {
		panic(fmt.Sprintf("paper.Mat.Columns: columns %d to %d of %d×%d", from, from+d-1, a.N, a.D))
	}
	m := Zeros(a.N, d)
	for t := range a.N {
		copy(m.Row(t), a.Row(t)[from:])
	}
	return m
}

// Concat puts matrices of equally many rows side by side.
func Concat(parts ...Mat) Mat {
	d := 0
	for _, p := range parts {
		if p.N != parts[0].N {
			panic(fmt.Sprintf("paper.Concat: %d×%d beside %d×%d", p.N, p.D, parts[0].N, parts[0].D))
		}
		d += p.D
	}
	m := Zeros(parts[0].N, d)
	for t := range m.N {
		row := m.Row(t)
		for _, p := range parts {
			row = row[copy(row, p.Row(t)):]
		}
	}
	return m
}

// Append is a with the rows of b below it. The zero Mat has no rows and takes any.
func (a Mat) Append(b Mat) Mat {
	if a.N == 0 {
		return b
	}
	if a.D != b.D {
		panic(fmt.Sprintf("paper.Mat.Append: %d×%d below %d×%d", b.N, b.D, a.N, a.D))
	}
	return Mat{a.N + b.N, a.D, append(a.V[:len(a.V):len(a.V)], b.V...)}
}

// OneHot is ohe(ids): row t is zero but for a one in column ids[t]. A negative
// id leaves its row zero. It panics when an id is not below d.
func OneHot(ids []int, d int) Mat {
	m := Zeros(len(ids), d)
	for t, id := range ids {
		if id >= d {
			panic(fmt.Sprintf("paper.OneHot: id %d at position %d is not below %d", id, t, d))
		}
		if id >= 0 {
			m.Row(t)[id] = 1
		}
	}
	return m
}
