package main

// neon writes the tile kernel of arm64: avo writes amd64 only, and Go's assembler
// has no multiplication by one element of a vector.
func neon() {
	s := newSource("neon")
	s.line("\n// func mulNEON(k int, a *float32, b *float32, c *float32, stride int, add int)")
	s.line("TEXT ·mulNEON(SB), NOSPLIT, $0-48")
	for i, name := range []string{"k", "a", "b", "c", "stride", "add"} {
		s.ops("MOVD %s+%d(FP), R%d", name, 8*i, i)
	}
	// V0, V1: eight values of a; V2…V4: twelve of b; V8…V31: the sums.
	sum := func(row, v int) int { return 8 + 3*row + v }
	for i := range 24 {
		s.ops("VEOR V%d.B16, V%d.B16, V%d.B16", 8+i, 8+i, 8+i)
	}
	s.line("\nterms:")
	s.ops("VLD1.P 32(R1), [V0.S4, V1.S4]")
	s.ops("VLD1.P 48(R2), [V2.S4, V3.S4, V4.S4]")
	for row := range 8 {
		for v := range 3 {
			m, element := row/4, row%4
			word := 0x4f801000 | (element&1)<<21 | m<<16 | (element>>1)<<11 | (2+v)<<5 | sum(row, v)
			s.ops("WORD $%#08x // FMLA V%d.4S, V%d.4S, V%d.S[%d]", word, sum(row, v), 2+v, m, element)
		}
	}
	s.ops("SUBS $1, R0, R0")
	s.ops("BNE  terms")
	s.ops("CBZ  R5, set\n")
	s.ops("MOVD R3, R6")
	for row := range 8 {
		s.ops("VLD1 (R6), [V0.S4, V1.S4, V2.S4]")
		for v := range 3 {
			word := 0x4e20d400 | v<<16 | sum(row, v)<<5 | sum(row, v)
			s.ops("WORD $%#08x // FADD V%d.4S, V%d.4S, V%d.4S", word, sum(row, v), sum(row, v), v)
		}
		s.ops("ADD  R4, R6, R6")
	}
	s.line("\nset:")
	for row := range 8 {
		s.ops("VST1 [V%d.S4, V%d.S4, V%d.S4], (R3)", sum(row, 0), sum(row, 1), sum(row, 2))
		s.ops("ADD  R4, R3, R3")
	}
	s.ops("RET")
	s.print()
}
