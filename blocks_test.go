package pedestrian

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
)

// Blocks come back as they were set, and each number is its whole number times the scale of
// its block, whichever way the lines of the parameter run.
func TestBlocks(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	c := Config{Vocab: 37, Context: 32, Width: 64, Hidden: 48, Heads: 2, Blocks: 1, Activation: GELU}
	p := NewFrozen[float64](c, func(s Slot) Storage { return Q8 })
	for _, x := range p.Tensors() {
		lines, length := x.Cols, x.Rows // of a matrix the columns
		if x.Layer == "tok" || x.Layer == "pos" {
			lines, length = x.Rows, x.Cols
		}
		if whole := !x.Vec() && length%32 == 0; x.HasBlocks() != whole || (x.Narrow.Storage == Q8) != whole {
			t.Errorf("%s, %d lines of %d, is held as %q", x.Name, lines, length, x.Narrow.Storage)
			continue
		} else if !whole {
			continue
		}
		if x.Layer == "contract" {
			t.Errorf("%s has lines of 48", x.Name)
		}
		want := make([]float64, lines*length)
		set := make([][]byte, lines)
		for line := range lines {
			for k := range length / 32 {
				exp := r.IntN(30)
				frac := r.IntN(1024)
				scale := math.Ldexp(float64(1024+frac), exp+1-25)
				b := []byte{byte(frac), byte(frac>>8 | (exp+1)<<2)}
				for i := range 32 {
					q := int8(r.IntN(256) - 128)
					b = append(b, byte(q))
					at := (k*32+i)*lines + line
					if x.Role == Table {
						at = line*length + k*32 + i
					}
					want[at] = float64(q) * scale
				}
				x.SetBlocks(line, k, b)
				set[line] = append(set[line], b...)
			}
		}
		for i, v := range x.Widened() {
			if v != want[i] {
				t.Fatalf("number %d of %s is %g, not %g", i, x.Name, v, want[i])
			}
		}
		part := make([]float64, 40)
		x.Read(part, x.Cols+3)
		for i, v := range part {
			if v != want[x.Cols+3+i] {
				t.Fatalf("number %d of a part of %s is %g", i, x.Name, v)
			}
		}
		for line := range lines {
			got := make([]byte, len(set[line])-34)
			if x.Blocks(got, line, 1); !bytes.Equal(got, set[line][34:]) {
				t.Fatalf("line %d of %s has other blocks than were set", line, x.Name)
			}
		}
		if got, want := x.Bytes(Q8, 8), int64(len(x.Narrow.Blocks)); got != want || want < int64(lines*length/32*34) {
			t.Errorf("%s takes %d bytes, and %d were told", x.Name, want, got)
		}
	}
	p.Zero()
	for _, x := range p.Tensors() {
		for _, v := range x.Widened() {
			if v != 0 {
				t.Fatalf("%s is not zero", x.Name)
			}
		}
	}
}

// What is no block of the parameter is refused.
func TestBlocksThatAreNot(t *testing.T) {
	p := NewFrozen[float32](Config{Vocab: 3, Context: 2, Width: 32, Hidden: 64, Heads: 1, Blocks: 1, Activation: GELU}, func(s Slot) Storage {
		if s.Layer == "pos" {
			return BF16
		}
		return Q8
	})
	for name, f := range map[string]func(){
		"a line too many":  func() { p.Tok.SetBlocks(3, 0, make([]byte, 34)) },
		"a block too many": func() { p.Tok.SetBlocks(0, 0, make([]byte, 68)) },
		"half a block":     func() { p.Tok.Blocks(make([]byte, 17), 0, 0) },
		"other numbers":    func() { p.Pos.Blocks(make([]byte, 34), 0, 0) },
		"Write":            func() { p.Tok.Write(0, make([]float32, 32)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was taken", name)
				}
			}()
			f()
		}()
	}
}
