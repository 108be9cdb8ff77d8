//go:build !unix

package hub

const nonblock = 0
