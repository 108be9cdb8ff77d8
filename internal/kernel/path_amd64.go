package kernel

import "golang.org/x/sys/cpu"

// detect lists the vector paths of this processor. The package cpu reports AVX features only
// if the operating system saves the registers.
func detect() (paths []Path) {
	x := &cpu.X86
	if !x.HasAVX2 || !x.HasFMA || !x.HasBMI2 || !hasF16C() {
		return nil
	}
	paths = append(paths, AVX2)
	if !x.HasAVX512F || !x.HasAVX512BW || !x.HasAVX512DQ || !x.HasAVX512VL {
		return paths
	}
	paths = append(paths, AVX512)
	amx := x.HasAMXTile && x.HasAMXBF16 && permitAMX()
	// Intel's processors run VDPBF16PS at half the rate of float32. If they have
	// no tiles, converting to float32 is faster. With AMX the path is listed for tests.
	if x.HasAVX512BF16 && (amx || vendor() == authenticAMD) {
		paths = append(paths, AVX512BF16)
	}
	if amx {
		paths = append(paths, AMX)
	}
	return paths
}

// hasF16C reports whether the processor widens half precision (CPUID 1, ECX bit 29).
func hasF16C() bool

// vendor returns the first four letters of the processor's vendor string.
func vendor() uint32

const authenticAMD = 'A' | 'u'<<8 | 't'<<16 | 'h'<<24
