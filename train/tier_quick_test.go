//go:build !long

package train

// longTier says that the tests run in full; see docs/reliability.md.
const longTier = false
