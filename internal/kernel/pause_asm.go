//go:build amd64 || arm64

package kernel

// pause tells the processor n ≥ 1 times that the caller spins.
func pause(n int)
