//go:build !long

package kernel

const extremeRows = 50_000
