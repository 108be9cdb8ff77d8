//go:build !long

package token

// longTier says whether every string of the reference is cut.
const longTier = false
