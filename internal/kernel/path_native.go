//go:build !purego

package kernel

const pureGo = false
