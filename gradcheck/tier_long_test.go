//go:build long

package gradcheck

// longTier says whether every entry of every case is differentiated.
const longTier = true
