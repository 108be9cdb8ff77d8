package kernel

import "testing"

// The measuring loops count what they compute: the sizes of tiles are written out.
func TestMeasuringLoops(t *testing.T) {
	tile := map[Path]float64{Portable: 2 * 4 * 256, NEON: 8 * 12 * 304, AVX2: 6 * 16 * 272, AVX512: 8 * 48 * 104}
	eachPath(t, func(t *testing.T) {
		path := min(current, AVX512)
		if got, want := Tiles(3), 3*2*tile[path]; got != want {
			t.Errorf("three tiles are %v operations, want %v", got, want)
		}
		want := 0.0
		if hasTiles(current) {
			want = 3 * 2 * 32 * 32 * 192
		}
		if got := TilesBF16(3); got != want {
			t.Errorf("three tiles of bf16 are %v operations, want %v", got, want)
		}
		if (Dots(1) > 0) != (want > 0) || FMA(1) <= 0 {
			t.Errorf("Dots counts %v operations, FMA %v", Dots(1), FMA(1))
		}
	})
}
