package kernel

// The tile kernels: at most 2×2 tiles of c, for several panels of columns. a is
// not packed; its rows are down bytes apart. mode: 1 starts from the old c, 2 from the bias.

//go:noescape
func amx1x1(cfg *byte, k, panels int, a *uint16, down int, b *uint16, c *float32, stride int, bias *float32, mode int)

//go:noescape
func amx1x2(cfg *byte, k, panels int, a *uint16, down int, b *uint16, c *float32, stride int, bias *float32, mode int)

//go:noescape
func amx2x1(cfg *byte, k, panels int, a *uint16, down int, b *uint16, c *float32, stride int, bias *float32, mode int)

//go:noescape
func amx2x2(cfg *byte, k, panels int, a *uint16, down int, b *uint16, c *float32, stride int, bias *float32, mode int)

// The kernels without tile registers: 1 to 8 rows of c, for several panels of
// columns; the last one has cols columns. The other arguments are as in the tile
// kernels.
var dots = [8]func(pairs, panels int, a *uint16, down int, b *uint16, c *float32, stride int, bias *float32, mode, cols int){
	dots1, dots2, dots3, dots4, dots5, dots6, dots7, dots8,
}

//go:noescape
func dots1(pairs, panels int, a *uint16, down int, b *uint16, c *float32, stride int, bias *float32, mode, cols int)

//go:noescape
func dots2(pairs, panels int, a *uint16, down int, b *uint16, c *float32, stride int, bias *float32, mode, cols int)

//go:noescape
func dots3(pairs, panels int, a *uint16, down int, b *uint16, c *float32, stride int, bias *float32, mode, cols int)

//go:noescape
func dots4(pairs, panels int, a *uint16, down int, b *uint16, c *float32, stride int, bias *float32, mode, cols int)

//go:noescape
func dots5(pairs, panels int, a *uint16, down int, b *uint16, c *float32, stride int, bias *float32, mode, cols int)

//go:noescape
func dots6(pairs, panels int, a *uint16, down int, b *uint16, c *float32, stride int, bias *float32, mode, cols int)

//go:noescape
func dots7(pairs, panels int, a *uint16, down int, b *uint16, c *float32, stride int, bias *float32, mode, cols int)

//go:noescape
func dots8(pairs, panels int, a *uint16, down int, b *uint16, c *float32, stride int, bias *float32, mode, cols int)

// peakAMX runs 16 products of tiles n ≥ 1 times, on registers.
//
//go:noescape
func peakAMX(n int, cfg *byte)

// peakDots runs 48 dot products of pairs in vectors n ≥ 1 times, on registers.
//
//go:noescape
func peakDots(n int)
