//go:build purego

package kernel

const pureGo = true // -tags purego: the portable path, whatever the machine has
