package kernel

import "testing"

func TestHugePages(t *testing.T) {
	for _, n := range []int{0, 1, 1000, 3 << 20} {
		v := make([]float32, n)
		for i := range v {
			v[i] = 1
		}
		HugePages(v)
		if sumOf(v) != float32(n) {
			t.Errorf("%d numbers changed", n)
		}
		HugePages(v[n/3:])
	}
}
