//go:build unix

package main

import (
	"os"
	"syscall"
)

// hangups are the signals that say that the terminal has closed.
var hangups = []os.Signal{syscall.SIGHUP}
