//go:build amd64 || arm64

package kernel

// pause executes the processor's instruction for waiting loops n ≥ 1 times.
func pause(n int)
