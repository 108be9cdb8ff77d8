//go:build !unix

package durable

import "os"

const nonblock = 0

// hardLinks does not know.
func hardLinks(os.FileInfo) int { return 1 }
