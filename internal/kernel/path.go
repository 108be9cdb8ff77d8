package kernel

import "fmt"

// All assembly is generated, for every architecture on any machine.

//go:generate -command asm go run -C gen .
//go:generate asm -out ../mul512_amd64.s -stubs ../mul512_amd64.go -pkg kernel mul512
//go:generate asm -out ../pack512_amd64.s -stubs ../pack512_amd64.go -pkg kernel pack512
//go:generate asm -out ../mul256_amd64.s -stubs ../mul256_amd64.go -pkg kernel mul256
//go:generate asm -out ../pack256_amd64.s -stubs ../pack256_amd64.go -pkg kernel pack256
//go:generate asm -out ../vec512_amd64.s -stubs ../vec512_amd64.go -pkg kernel vec512
//go:generate asm -out ../vec256_amd64.s -stubs ../vec256_amd64.go -pkg kernel vec256
//go:generate asm -out ../narrow512_amd64.s -stubs ../narrow512_amd64.go -pkg kernel narrow512
//go:generate asm -out ../narrow256_amd64.s -stubs ../narrow256_amd64.go -pkg kernel narrow256
//go:generate asm -out ../blocks512_amd64.s -stubs ../blocks512_amd64.go -pkg kernel blocks512
//go:generate asm -out ../blocks256_amd64.s -stubs ../blocks256_amd64.go -pkg kernel blocks256
//go:generate asm -out ../bf16_amd64.s -stubs ../bf16_asm_amd64.go -pkg kernel bf16
//go:generate sh -c "go run -C gen . amx > amx_amd64.s"
//go:generate sh -c "go run -C gen . dots > dots_amd64.s"
//go:generate asm -out ../peak512_amd64.s -stubs ../peak512_amd64.go -pkg kernel peak512
//go:generate asm -out ../peak256_amd64.s -stubs ../peak256_amd64.go -pkg kernel peak256
//go:generate sh -c "go run -C gen . neon > mul_arm64.s"

// A Path is a set of instructions that the kernels use. With one path results have the same
// bits on every run; two paths differ in rounding.
type Path int

// The paths. Each gives the float32 results of the path before it, with more instructions,
// except NEON.
const (
	Portable   Path = iota // Go only
	NEON                   // arm64: products
	AVX2                   // AVX2, FMA: products
	AVX512                 // AVX-512 F, BW, DQ, VL: everything in float32
	AVX512BF16             // AVX512 and dot products of pairs in bf16
	AMX                    // AVX512 and tiles in bf16, if the system permits it
)

// String is the name of the path.
func (p Path) String() string {
	switch p {
	case Portable:
		return "portable"
	case NEON:
		return "NEON"
	case AVX2:
		return "AVX2"
	case AVX512:
		return "AVX-512"
	case AVX512BF16:
		return "AVX512-BF16"
	case AMX:
		return "AMX"
	}
	return fmt.Sprintf("Path(%d)", int(p))
}

// noVectors is the panic of what an architecture without vectors never reaches.
const noVectors = "kernel: this architecture has no such vector path"

// supported are the paths of this machine, slowest first; current is in use.
var (
	supported = paths()
	current   = supported[len(supported)-1]
)

// paths are Portable and, unless the program was built with the tag purego, what
// the machine has besides.
func paths() []Path {
	if pureGo {
		return []Path{Portable}
	}
	return append([]Path{Portable}, detect()...)
}

// Paths returns the paths that this machine has, the fastest last.
func Paths() []Path { return append([]Path(nil), supported...) }

// Current returns the path in use: the fastest, unless Use chose another.
func Current() Path { return current }

// Use chooses the path of all kernels from now on and returns the previous one.
// It must not run at the same time as a kernel. A path that the machine does not
// have is a panic.
func Use(p Path) Path {
	for _, q := range supported {
		if p == q {
			old := current
			current = p
			return old
		}
	}
	panic(fmt.Sprintf("kernel.Use: this machine has no %v, only %v", p, supported))
}
