//go:build !amd64 && !arm64

package kernel

import "runtime"

// pause lets other goroutines run: this architecture has no instruction for waiting loops.
func pause(n int) { runtime.Gosched() }
