//go:build !long

package main

// longTier says whether the tests run in full; see docs/reliability.md.
const longTier = false
