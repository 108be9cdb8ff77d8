//go:build !unix

package main

import "os"

// hangups are none: where a terminal closes, the system ends its processes otherwise.
var hangups []os.Signal
