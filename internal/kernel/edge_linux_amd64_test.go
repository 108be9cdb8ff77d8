package kernel

import "testing"

// Products keep what they pack in scratch that is larger than it has to be: here the
// kernels that write and read it have operands that are just long enough.
func TestNothingOutsidePacked(t *testing.T) {
	e := newEdges(t)
	has := func(p Path) bool { return supported[len(supported)-1] >= p }
	at := func(v []float32) *float32 { return at32(v, 0) }
	at16 := func(v []BF16) *uint16 { return at16(v, 0) }
	try := func(what string, args []any, f func()) {
		t.Helper()
		e.both(t, func() {
			e.as("%s%v", what, args)
			f()
		})
	}
	tile := func(what string, f tileKernel, rows, vectors, lanes int) {
		for last := 1; f != nil && last <= lanes; last++ {
			for k := 1; k <= 9; k += 4 {
				for mode := range 4 {
					cols := (vectors-1)*lanes + last
					try(what, []any{vectors, rows, last, k, mode}, func() {
						f(k, at(e.slice(rows*k)), 4, 4*rows, at(e.slice(cols*k)), 4*cols, at(e.slice(rows*cols)), 4*cols, at(e.slice(cols)), mode, last)
					})
				}
			}
		}
	}
	narrowTile := func(what string, f narrowKernel, rows, vectors, lanes, first int) {
		for _, last := range []int{first, lanes - 1, lanes} {
			for k := 1; f != nil && last >= first && k <= 9; k += 4 {
				for mode := range 4 {
					cols := (vectors-1)*lanes + last
					try(what, []any{vectors, rows, last, k, mode}, func() {
						f(k, at(e.slice(rows*k)), 4, 4*rows, at16(lend[BF16](e, cols*k)), 2*cols, at(e.slice(rows*cols)), 4*cols, at(e.slice(cols)), mode, last)
					})
				}
			}
		}
	}
	blockTile := func(what string, f blockKernel, rows, vectors, lanes int) {
		for _, last := range []int{1, lanes - 1, lanes} {
			for _, k := range []int{4, 8, 32, 36} {
				for _, skip := range []int{0, 4, 28} {
					for mode := range 4 {
						cols, bytes := (vectors-1)*lanes+last, ceil(skip+k, blockLen)*panelBlockBytes
						try(what, []any{vectors, rows, last, k, skip, mode}, func() {
							f(k, at(e.slice(rows*k)), 4, 4*rows, byteAt(lend[byte](e, ceil(vectors*lanes, panelLines)*bytes), 0), bytes, skip,
								at(e.slice(rows*cols)), 4*cols, at(e.slice(cols)), mode, last)
						})
					}
				}
			}
		}
	}
	widenPanel := func(what string, f func(k int, dst *float32, to int, b *byte, skip int)) {
		for _, k := range []int{1, 31, 32, 33, 64} {
			for _, skip := range []int{0, 1, 31} {
				try(what, []any{k, skip}, func() {
					f(k, at(e.slice(16*k)), 64, byteAt(lend[byte](e, ceil(skip+k, blockLen)*panelBlockBytes), 0), skip)
				})
			}
		}
	}
	narrowTurn := func(what string, f narrowKernel, rows, groups, lanes int) {
		for _, last := range []int{1, lanes - 1, lanes} {
			for _, k := range []int{4, 8, 32, 36, 76} {
				for mode := range 4 {
					cols := (groups-1)*lanes + last
					try(what, []any{rows, groups, last, k, mode}, func() {
						f(k, at(e.slice(rows*k)), 4*k, 4, at16(lend[BF16](e, groups*lanes*k)), 2*k, at(e.slice(rows*cols)), 4*cols, at(e.slice(cols)), mode, last)
					})
				}
			}
		}
	}
	packing := func(what string, lanes, vectors int, rows func(k int, dst *float32, to int, src *float32, from, vectors, last int),
		columns func(k int, dst *float32, to int, src *float32, from, rows int)) {
		for n := 1; n <= lanes*vectors; n++ {
			for _, k := range []int{1, 2, 7, 8, 9, 16, 17, 33} {
				v := (n + lanes - 1) / lanes
				try(what+" rows", []any{n, k}, func() {
					rows(k, at(e.slice(k*v*lanes)), 4*v*lanes, at(e.slice(k*n)), 4*n, v, n-(v-1)*lanes)
				})
				if n <= lanes {
					try(what+" columns", []any{n, k}, func() {
						columns(k, at(e.slice(k*lanes)), 4*lanes, at(e.slice(n*k)), 4*k, n)
					})
				}
			}
		}
	}
	if has(AVX2) {
		for v := range mul256 {
			for r, f := range mul256[v] {
				tile("mul256", f, r+1, v+1, 8)
			}
		}
		for kind := range narrow256 {
			for v := range narrow256[kind] {
				for r, f := range narrow256[kind][v] {
					narrowTile("narrow256", f, r+1, v+1, 8, 8)
				}
			}
			for g := range turnNarrow256[kind] {
				for r, f := range turnNarrow256[kind][g] {
					narrowTurn("turnNarrow256", f, r+1, g+1, 8)
				}
			}
		}
		for v := range blocks256 {
			for r, f := range blocks256[v] {
				if f != nil {
					blockTile("blocks256", f, r+1, v+1, 8)
				}
			}
		}
		widenPanel("widenPanel256", widenPanel256)
		for kind := range packFourNarrow256 {
			for _, k := range []int{1, 8, 24} {
				try("packFourNarrow256", []any{kind, k}, func() { packFourNarrow256[kind](k, at(e.slice(64*k)), at16(lend[BF16](e, 64*k)), 128) })
				if k > 1 {
					try("packColumnsNarrow256", []any{kind, k}, func() { packColumnsNarrow256[kind](k, at(e.slice(8*k)), 32, at16(lend[BF16](e, 8*k)), 2*k, 8) })
				}
			}
		}
		packing("pack256", 8, 2, packRows256, packColumns256)
		for k := 1; k < 9; k++ {
			try("packHeights256", []any{k}, func() { packHeights256(k, at(e.slice(6*k)), at(e.slice(6*k)), 24) })
			try("packFourHeights256", []any{k}, func() { packFourHeights256(k, at(e.slice(24*k)), at(e.slice(24*k)), 96) })
			try("packFourRows256", []any{k}, func() { packFourRows256(k, at(e.slice(64*k)), at(e.slice(64*k)), 256) })
			for mode := range 4 {
				for r := 4; r <= 6; r++ {
					try("mul256whole", []any{r, k, mode}, func() {
						whole256[r-1](k, at(e.slice(r*k)), 4, 4*r, at(e.slice(16*k)), 64, at(e.slice(r*16)), 64, at(e.slice(16)), mode, 8)
					})
				}
			}
		}
		for v := range turn256 {
			for r, f := range turn256[v] {
				for last := 1; last <= 8; last++ {
					for k := 4; k <= 36; k += 4 {
						for mode := range 4 {
							rows, cols := r+1, 8*v+last
							try("turn256", []any{v + 1, rows, last, k, mode}, func() {
								f(k, at(e.slice(rows*k)), 4*k, 4, at(e.slice(8*(v+1)*k)), 4*k, at(e.slice(rows*cols)), 4*cols, at(e.slice(cols)), mode, last)
							})
						}
					}
				}
			}
		}
	}
	if has(AVX512) {
		for v := range mul512 {
			for r, f := range mul512[v] {
				tile("mul512", f, r+1, v+1, 16)
			}
		}
		for kind := range narrow512 {
			for v := range narrow512[kind] {
				for r, f := range narrow512[kind][v] {
					narrowTile("narrow512", f, r+1, v+1, 16, 1)
				}
			}
			for r, f := range turnNarrow512[kind] {
				narrowTurn("turnNarrow512", f, r+1, 1, 16)
			}
		}
		for v := range blocks512 {
			for r, f := range blocks512[v] {
				if f != nil {
					blockTile("blocks512", f, r+1, v+1, 16)
				}
			}
		}
		widenPanel("widenPanel512", widenPanel512)
		for kind := range packRowsNarrow512 {
			for _, n := range []int{1, 15, 16, 17, 33, 48} {
				for _, k := range []int{1, 16, 17, 33} {
					v := ceil(n, 16)
					try("packRowsNarrow512", []any{kind, n, k}, func() {
						packRowsNarrow512[kind](k, at(e.slice(k*v*16)), 64*v, at16(lend[BF16](e, k*n)), 2*n, v, n-(v-1)*16)
					})
					if n <= 16 {
						try("packColumnsNarrow512", []any{kind, n, k}, func() {
							packColumnsNarrow512[kind](k, at(e.slice(k*16)), 64, at16(lend[BF16](e, n*k)), 2*k, n)
						})
					}
				}
			}
		}
		packing("pack512", 16, 3, packRows512, packColumns512)
		for k := 1; k < 9; k++ {
			try("packFourHeights512", []any{k}, func() { packFourHeights512(k, at(e.slice(32*k)), at(e.slice(32*k)), 128) })
		}
		for n := 1; n <= 16; n++ {
			for k := 1; k < 9; k++ {
				try("packHeights512", []any{n, k}, func() { packHeights512(k, at(e.slice(roundUp(n, 8)*k)), at(e.slice(n*k)), 4*n, n) })
			}
		}
		for n := 1; n <= 32; n++ {
			for _, k := range []int{1, 2, 31, 32, 33, 64, 65} {
				pairs := ceil(k, 32)
				try("packTilesNN", []any{n, k}, func() {
					packTilesNN(at16(lend[BF16](e, pairs*tilePair)), at16(lend[BF16](e, k*n)), 2*n, k, n)
				})
				try("packTilesTN", []any{n, k}, func() {
					packTilesTN(at16(lend[BF16](e, 32*32*pairs)), 64*pairs, at16(lend[BF16](e, k*n)), 2*n, k, n)
				})
				try("packTilesNT", []any{n, k}, func() {
					packTilesNT(at16(lend[BF16](e, pairs*tilePair)), at16(lend[BF16](e, k*n)), 2*k, k, n)
				})
			}
		}
	}
	for r, f := range dots {
		for n := 1; n <= 64 && has(AVX512BF16); n++ {
			panels, cols := ceil(n, 32), n
			if panels == 2 {
				n, cols = 64, 32 // only whole panels follow one another
			}
			for mode := range 3 {
				try("dots", []any{r + 1, n, mode}, func() {
					f(2, panels, at16(lend[BF16](e, (r+1)*64)), 128, at16(lend[BF16](e, 2*panels*tilePair)),
						at(e.slice((r+1)*n)), 4*n, at(e.slice(n)), mode, cols)
				})
			}
		}
	}
}
