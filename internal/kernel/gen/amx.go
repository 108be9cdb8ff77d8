package main

import "fmt"

// Go's assembler does not know the tile instructions: these are their bytes. A
// load or store goes row by row from base, index bytes apart.

var number = map[string]int{"AX": 0, "CX": 1, "DX": 2, "BX": 3, "SI": 6, "DI": 7,
	"R8": 8, "R9": 9, "R10": 10, "R11": 11, "R12": 12, "R13": 13, "R14": 14, "R15": 15}

// vex is the three-byte VEX prefix of a 128-bit instruction in map 0F38 with W 0:
// x and b extend the index and the base, v is a second register operand.
func vex(x, b, v, pp int) []int {
	return []int{0xc4, 0x80 | (1-x)<<6 | (1-b)<<5 | 2, (^v&15)<<3 | pp}
}

func (s *source) tileMemory(name string, pp, tile int, base, index string, disp int) {
	b, i := number[base], number[index]
	bytes := append(vex(i>>3, b>>3, 0, pp), 0x4b, 0x84|tile<<3, (i&7)<<3|b&7, disp, disp>>8, disp>>16, disp>>24)
	s.raw(fmt.Sprintf("%s %d(%s)(%s*1), TMM%d", name, disp, base, index, tile), bytes...)
}

func (s *source) tileLoad(tile int, base, index string, disp int) {
	s.tileMemory("TILELOADD", 3, tile, base, index, disp)
}

// tileStream is a load for numbers that are used once: they leave the first cache
// to others.
func (s *source) tileStream(tile int, base, index string, disp int) {
	s.tileMemory("TILELOADDT1", 1, tile, base, index, disp)
}

func (s *source) tileStore(tile int, base, index string, disp int) {
	s.tileMemory("TILESTORED", 2, tile, base, index, disp)
}

func (s *source) tileZero(tile int) {
	s.raw(fmt.Sprintf("TILEZERO TMM%d", tile), append(vex(0, 0, 0, 3), 0x49, 0xc0|tile<<3)...)
}

func (s *source) tileRelease() { s.raw("TILERELEASE", append(vex(0, 0, 0, 0), 0x49, 0xc0)...) }

// tileConfig takes AX as its base.
func (s *source) tileConfig() { s.raw("LDTILECFG (AX)", append(vex(0, 0, 0, 0), 0x49, 0x00)...) }

// tileDot adds the product of tiles a and b to tile c.
func (s *source) tileDot(c, a, b int) {
	s.raw(fmt.Sprintf("TDPBF16PS TMM%d, TMM%d, TMM%d", b, a, c), append(vex(0, 0, b, 2), 0x5c, 0xc0|c<<3|a)...)
}

// amx writes the tile kernels: c in tiles 0…3, two of rows by two of columns, a
// in 4 and 5, b in 6 and 7. Each tile of a or b serves two products.
func amx() {
	s := newSource("amx")
	for rows := 1; rows <= 2; rows++ {
		for columns := 1; columns <= 2; columns++ {
			s.amxTiles(rows, columns)
		}
	}
	s.text("peakAMX", "n int, cfg *byte", "n=CX", "cfg=AX")
	s.tileConfig()
	for t := range 8 {
		s.tileZero(t)
	}
	s.line("again:")
	for i := range 16 {
		s.tileDot(i%4, 4+i%4/2, 6+i%2)
	}
	s.ops("DECQ CX")
	s.ops("JNZ again")
	s.tileRelease()
	s.ops("RET")
	s.print()
}

func (s *source) amxTiles(rows, columns int) {
	s.text(fmt.Sprintf("amx%dx%d", rows, columns),
		"cfg *byte, k, panels int, a *uint16, down int, b *uint16, c *float32, stride int, bias *float32, mode int",
		"cfg=AX", "k=R8", "panels=R9", "a=SI", "down=R15", "b=BX", "c=DI", "stride=DX", "bias", "mode=R11")
	s.tileConfig()
	s.ops("MOVQ $64, R10")
	s.ops("MOVQ R15, R13")
	s.ops("SHLQ $4, R13 // the second tile of a")
	s.ops("MOVQ DX, R12")
	s.ops("SHLQ $4, R12")
	s.ops("ADDQ DI, R12 // the second row of tiles")
	each := func(f func(r, c int)) {
		for r := range rows {
			for c := range columns {
				f(r, c)
			}
		}
	}
	out := func(f func(tile int, base, index string, disp int)) {
		each(func(r, c int) { f(2*r+c, []string{"DI", "R12"}[r], "DX", 64*c) })
	}
	s.line("panel:")
	s.ops("TESTQ $1, R11")
	s.ops("JNZ  old")
	s.ops("TESTQ $2, R11")
	s.ops("JNZ  bias")
	each(func(r, c int) { s.tileZero(2*r + c) })
	s.ops("JMP  terms")
	s.line("old:")
	out(s.tileLoad)
	s.ops("JMP  terms")
	s.line("bias: // every row from the same place")
	s.ops("MOVQ bias+64(FP), AX")
	s.ops("XORQ CX, CX")
	each(func(r, c int) { s.tileLoad(2*r+c, "AX", "CX", 64*c) })
	s.ops("ADDQ $128, AX")
	s.ops("MOVQ AX, bias+64(FP)")
	s.line("terms:")
	s.ops("MOVQ SI, AX")
	s.ops("LEAQ (SI)(R13*1), R14")
	s.ops("MOVQ R8, CX")
	s.line("more:")
	s.tileStream(6, "BX", "R10", 0)
	s.tileLoad(4, "AX", "R15", 0)
	s.tileDot(0, 4, 6)
	if columns == 2 {
		s.tileStream(7, "BX", "R10", 1024)
		s.tileDot(1, 4, 7)
	}
	if rows == 2 {
		s.tileLoad(5, "R14", "R15", 0)
		s.tileDot(2, 5, 6)
		if columns == 2 {
			s.tileDot(3, 5, 7)
		}
	}
	s.ops("ADDQ $64, AX")
	s.ops("ADDQ $64, R14")
	s.ops("ADDQ $2048, BX")
	s.ops("DECQ CX")
	s.ops("JNZ  more")
	out(s.tileStore)
	s.ops("ADDQ $128, DI")
	s.ops("ADDQ $128, R12")
	s.ops("DECQ R9")
	s.ops("JNZ  panel")
	s.tileRelease()
	s.ops("RET")
}
