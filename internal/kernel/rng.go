package kernel

import "math/bits"

// Bits is the i-th number of the SplitMix64 stream with the given key: a
// generator without state, in which any position costs the same.
func Bits(key, i uint64) uint64 {
	z := key + (i+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// A Mask leaves out numbers at random and scales the others; whether it keeps
// number i depends on Key and i alone. The zero Mask keeps everything as it is.
type Mask struct {
	Key   uint64
	Drop  uint32  // left out: those whose upper 32 random bits are below Drop
	Scale float64 // of what is kept
}

// NewMask leaves out a fraction p of the numbers, rounded to a multiple of 2⁻³²,
// and multiplies the others by 1/(1-p).
func NewMask(p float64, key uint64) Mask {
	return Mask{Key: key, Drop: uint32(p * (1 << 32)), Scale: 1 / (1 - p)}
}

// SubKey is the key of a stream of its own within the stream of key.
func SubKey(key, i uint64) uint64 { return bits.RotateLeft64(Bits(key, i), 32) }

// On reports whether m leaves anything out.
func (m Mask) On() bool { return m.Drop > 0 }

// MaskRow sets y to x under m, where x[0] is number at:
//
//	for j { y[j] = 0; if Bits(m.Key, at+j)>>32 >= m.Drop { y[j] = x[j] * m.Scale } }
func MaskRow[T Float](y, x []T, m Mask, at uint64) {
	s := T(m.Scale)
	y = y[:len(x)]
	for j, v := range x {
		if uint32(Bits(m.Key, at+uint64(j))>>32) < m.Drop {
			v = 0
		}
		y[j] = v * s
	}
}

// MaskRowAdd adds x under m to y, where x[0] is number at:
//
//	for j { if Bits(m.Key, at+j)>>32 >= m.Drop { y[j] += x[j] * m.Scale } }
func MaskRowAdd[T Float](y, x []T, m Mask, at uint64) {
	s := T(m.Scale)
	y = y[:len(x)]
	for j, v := range x {
		if uint32(Bits(m.Key, at+uint64(j))>>32) >= m.Drop {
			y[j] += v * s
		}
	}
}
