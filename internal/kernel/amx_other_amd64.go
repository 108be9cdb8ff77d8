//go:build !linux

package kernel

// permitAMX: other systems are not known to save tile registers.
func permitAMX() bool { return false }
