//go:build long

package kernel

const extremeRows = 1_000_000
