//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// together makes cmd and what it starts one group, which ends when cmd is cancelled: go
// test leaves the tests that it runs.
func together(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
