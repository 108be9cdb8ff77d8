package main

import "fmt"

// dots writes the kernels that read the same tiles without tile registers, by
// VDPBF16PS: up to 8 rows of c by a panel of 32 columns, for a run of panels.
func dots() {
	s := newSource("dots")
	for rows := 1; rows <= 8; rows++ {
		s.dotRows(rows)
	}
	s.text("peakDots", "n int", "n=CX")
	for r := range 26 {
		s.ops("VPXORD Z%d, Z%d, Z%d", r, r, r)
	}
	s.line("again:")
	for i := range 48 {
		s.dot(i%24, 24, 25)
	}
	s.ops("DECQ CX")
	s.ops("JNZ again")
	s.ops("VZEROUPPER")
	s.ops("RET")
	s.print()
}

// dot adds the products of the pairs in a and b to c: VDPBF16PS Zb, Za, Zc.
func (s *source) dot(c, a, b int) {
	not := func(n, bit int) int { return ^n >> bit & 1 }
	s.raw(fmt.Sprintf("VDPBF16PS Z%d, Z%d, Z%d", b, a, c),
		0x62, not(c, 3)<<7|not(b, 4)<<6|not(b, 3)<<5|not(c, 4)<<4|2, (^a&15)<<3|4|2, 2<<5|not(a, 4)<<3,
		0x52, 0xc0|c&7<<3|b&7)
}

func (s *source) dotRows(rows int) {
	s.text(fmt.Sprintf("dots%d", rows), "pairs, panels int, a *uint16, down int, b *uint16, c *float32, stride int, bias *float32, mode, cols int",
		"pairs", "panels=R9", "a=SI", "down=R15", "b=BX", "c=DI", "stride=DX", "bias", "mode=R11", "cols=CX")
	s.ops("MOVQ $-1, AX")
	s.ops("BZHIQ CX, AX, AX")
	s.ops("KMOVW AX, K1")
	s.ops("SHRQ $16, AX")
	s.ops("KMOVW AX, K2")
	s.ops("LEAQ (R15)(R15*2), R13")
	s.ops("LEAQ (DX)(DX*2), R12")
	at := func(base, base4, step, step3 string, r int) string {
		if r >= 4 {
			base = base4
		}
		return []string{"(" + base + ")", "(" + base + ")(" + step + "*1)", "(" + base + ")(" + step + "*2)", "(" + base + ")(" + step3 + "*1)"}[r%4]
	}
	each := func(f func(sum int, r, c int)) {
		for r := range rows {
			for c := range 2 {
				f(2*r+c, r, c)
			}
		}
	}
	s.line("panel:")
	s.ops("LEAQ (DI)(DX*4), R8")
	each(func(_, r, c int) { s.ops("PREFETCHT0 %d%s", 128+64*c, at("DI", "R8", "DX", "R12", r)) }) // the next panel's
	s.ops("TESTQ $1, R11")
	s.ops("JNZ  old")
	s.ops("TESTQ $2, R11")
	s.ops("JNZ  bias")
	each(func(sum, _, _ int) { s.ops("VPXORD Z%d, Z%d, Z%d", sum, sum, sum) })
	s.ops("JMP  terms")
	s.line("old:")
	each(func(sum, r, c int) { s.ops("VMOVUPS.Z %d%s, K%d, Z%d", 64*c, at("DI", "R8", "DX", "R12", r), c+1, sum) })
	s.ops("JMP  terms")
	s.line("bias:")
	s.ops("MOVQ bias+56(FP), AX")
	each(func(sum, r, c int) { s.ops("VMOVUPS.Z %d(AX), K%d, Z%d", 64*c, c+1, sum) })
	s.ops("ADDQ $128, AX")
	s.ops("MOVQ AX, bias+56(FP)")
	s.line("terms:")
	s.ops("MOVQ SI, AX")
	s.ops("LEAQ (SI)(R15*4), R14")
	s.ops("MOVQ pairs+0(FP), R10")
	s.line("pair:")
	s.ops("MOVQ $16, CX")
	s.line("more:")
	s.ops("VMOVUPS (BX), Z16")
	s.ops("VMOVUPS 1024(BX), Z17")
	for r := range rows {
		s.ops("VPBROADCASTD %s, Z%d", at("AX", "R14", "R15", "R13", r), 18+r)
		s.dot(2*r, 18+r, 16)
		s.dot(2*r+1, 18+r, 17)
	}
	s.ops("ADDQ $4, AX")
	s.ops("ADDQ $4, R14")
	s.ops("ADDQ $64, BX")
	s.ops("DECQ CX")
	s.ops("JNZ  more")
	s.ops("ADDQ $1024, BX")
	s.ops("DECQ R10")
	s.ops("JNZ  pair")
	each(func(sum, r, c int) { s.ops("VMOVUPS Z%d, K%d, %d%s", sum, c+1, 64*c, at("DI", "R8", "DX", "R12", r)) })
	s.ops("ADDQ $128, DI")
	s.ops("DECQ R9")
	s.ops("JNZ  panel")
	s.ops("VZEROUPPER")
	s.ops("RET")
}
