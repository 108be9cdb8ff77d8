//go:build !linux

package kernel

// permitAMX returns false: it is not known whether other systems save tile registers.
func permitAMX() bool { return false }
