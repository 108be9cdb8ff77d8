package kernel

import "golang.org/x/sys/cpu"

//go:generate -command asm go run -C gen .
//go:generate asm -out ../mul512_amd64.s -stubs ../mul512_amd64.go -pkg kernel mul512
//go:generate asm -out ../pack512_amd64.s -stubs ../pack512_amd64.go -pkg kernel pack512
//go:generate asm -out ../mul256_amd64.s -stubs ../mul256_amd64.go -pkg kernel mul256
//go:generate asm -out ../pack256_amd64.s -stubs ../pack256_amd64.go -pkg kernel pack256
//go:generate asm -out ../vec512_amd64.s -stubs ../vec512_amd64.go -pkg kernel vec512
//go:generate asm -out ../vec256_amd64.s -stubs ../vec256_amd64.go -pkg kernel vec256
//go:generate asm -out ../bf16_amd64.s -stubs ../bf16_asm_amd64.go -pkg kernel bf16
//go:generate sh -c "go run -C gen . amx > amx_amd64.s"
//go:generate sh -c "go run -C gen . dots > dots_amd64.s"
//go:generate asm -out ../peak512_amd64.s -stubs ../peak512_amd64.go -pkg kernel peak512
//go:generate asm -out ../peak256_amd64.s -stubs ../peak256_amd64.go -pkg kernel peak256

// detect asks for every feature that the kernels of a path use. The package cpu
// reports AVX features only where the system saves the registers.
func detect() (paths []Path) {
	x := &cpu.X86
	if !x.HasAVX2 || !x.HasFMA || !x.HasBMI2 {
		return nil
	}
	paths = append(paths, AVX2)
	if !x.HasAVX512F || !x.HasAVX512BW || !x.HasAVX512DQ || !x.HasAVX512VL {
		return paths
	}
	paths = append(paths, AVX512)
	amx := x.HasAMXTile && x.HasAMXBF16 && permitAMX()
	// Intel's processors do VDPBF16PS at half the rate of float32: where they have
	// no tiles, widening is faster. It is there to be tested beside them.
	if x.HasAVX512BF16 && (amx || vendor() == authenticAMD) {
		paths = append(paths, AVX512BF16)
	}
	if amx {
		paths = append(paths, AMX)
	}
	return paths
}

// vendor returns the first four letters of the processor's maker.
func vendor() uint32

const authenticAMD = 'A' | 'u'<<8 | 't'<<16 | 'h'<<24
