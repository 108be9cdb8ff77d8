package kernel

import "math/bits"

// splitMix64 is number i of the SplitMix64 stream with the given key. It has no state: every
// position costs the same time.
func splitMix64(key, i uint64) uint64 {
	z := key + (i+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// A Mask is a dropout mask: it sets elements to 0 at random and scales the others. Whether
// it keeps element i depends on Key and i only. The zero Mask changes nothing.
type Mask struct {
	Key   uint64  // of the random stream
	drop  uint32  // an element is dropped if its upper 32 random bits are below drop
	scale float64 // factor of the elements that are kept
}

// NewMask makes a mask that drops elements with probability p, rounded to a multiple of
// 2⁻³², and multiplies the others by 1/(1-p).
func NewMask(p float64, key uint64) Mask {
	return Mask{Key: key, drop: uint32(p * (1 << 32)), scale: 1 / (1 - p)}
}

// SubKey is the key of stream i below the stream of key.
func SubKey(key, i uint64) uint64 { return bits.RotateLeft64(splitMix64(key, i), 32) }

// On reports whether m drops elements.
func (m Mask) On() bool { return m.drop > 0 }

// MaskRow sets y to x under the mask m. x[0] is element at of the mask:
//
//	for j { y[j] = 0; if splitMix64(m.Key, at+j)>>32 >= m.drop { y[j] = x[j] * m.scale } }
func MaskRow[T Float](y, x []T, m Mask, at uint64) {
	s := T(m.scale)
	y = y[:len(x)]
	for j, v := range x {
		if uint32(splitMix64(m.Key, at+uint64(j))>>32) < m.drop {
			v = 0
		}
		y[j] = v * s
	}
}

// MaskRowAdd adds x under the mask m to y. x[0] is element at of the mask:
//
//	for j { if splitMix64(m.Key, at+j)>>32 >= m.drop { y[j] += x[j] * m.scale } }
func MaskRowAdd[T Float](y, x []T, m Mask, at uint64) {
	s := T(m.scale)
	y = y[:len(x)]
	for j, v := range x {
		if uint32(splitMix64(m.Key, at+uint64(j))>>32) >= m.drop {
			y[j] += v * s
		}
	}
}
