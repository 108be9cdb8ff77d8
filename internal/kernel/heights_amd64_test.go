package kernel

import "testing"

// The rows at an edge are divided among tiles as evenly as four rows a tile allow, so that no
// more tiles are needed, and none is too small to keep the units for arithmetic busy.
func TestHeights256(t *testing.T) {
	for n := 1; n < 300; n++ {
		tiles, least := 0, 6
		for left := n; left > 0; tiles++ {
			h := height256(left)
			if h < 1 || h > min(left, 6) {
				t.Fatalf("%d rows are left of %d, and the next tile has %d", left, n, h)
			}
			least, left = min(least, h), left-h
		}
		if few := n < 4 || n == 7; tiles != (n+5)/6 || least < 4 && !few {
			t.Errorf("%d rows: %d tiles, the smallest of %d rows", n, tiles, least)
		}
	}
}
