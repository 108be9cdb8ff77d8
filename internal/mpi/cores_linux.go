//go:build mpi && (amd64 || arm64)

package mpi

import (
	"bytes"
	"encoding/binary"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// words is the size of a set of cores as Linux has it.
const words = 16

// affinity returns the cores that a process may use; 0 is this one.
func affinity(pid int) set {
	var c unix.CPUSet
	s := make(set, words)
	if unix.SchedGetaffinity(pid, &c) != nil {
		return s
	}
	for i := range 64 * words {
		if c.IsSet(i) {
			s[i/64] |= 1 << (i % 64)
		}
	}
	return s
}

// CoresAlone returns the cores that a process may use which its launcher has started alone.
func CoresAlone() Cores {
	pid, _ := launcher()
	c := shareCores([]set{affinity(os.Getpid())}, 0, affinity(pid))
	c.Host, _ = os.Hostname()
	return c
}

// cores returns what this rank may use, after it has asked the others.
func (w *World) cores() (Cores, error) {
	host, _ := os.Hostname()
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // two machines may have one name
	mine, _ := binary.Append(nil, binary.LittleEndian, affinity(os.Getpid()))
	machine := host + " " + strings.TrimSpace(string(boot))
	all, err := w.gather(append(mine, machine...))
	if err != nil {
		return Cores{}, err
	}
	var of []set
	me := 0
	for rank, b := range all {
		if string(b[8*words:]) != machine {
			continue
		}
		if rank == w.Rank {
			me = len(of)
		}
		s := make(set, words)
		if err := binary.Read(bytes.NewReader(b), binary.LittleEndian, s); err != nil {
			return Cores{}, err
		}
		of = append(of, s)
	}
	pid, _ := launcher()
	c := shareCores(of, me, affinity(pid))
	c.Host = host
	return c, nil
}
