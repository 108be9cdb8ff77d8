//go:build !amd64 && !arm64

package kernel

import "runtime"

// pause lets others run: without an instruction for spinning, spinning is not
// worth it.
func pause(n int) { runtime.Gosched() }
