//go:build mpi && linux && (amd64 || arm64)

package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// What is wrong when several processes are started is said once or by the rank concerned, in one
// line with the remedy.
func TestRanksSaid(t *testing.T) {
	static, ranks, dir := buildRanks(t, "pedestrian", ""), buildRanks(t, "pedestrian-mpi", "mpi"), t.TempDir()
	for name, text := range map[string]string{"a.txt": "abc", "b.txt": "abd"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat(text, 2000)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	train := strings.Fields("train --preset tiny --steps 2 --accumulate 2 --leaves 2 --out run")
	for i, launcher := range rankLaunchers(t) {
		by := []string{"mpirun of Open MPI", "mpiexec of MPICH"}[i]
		other := []string{"libmpich.so.12", "libmpi.so.40"}[i]
		both := len(rankLaunchers(t)) == 2
		for _, c := range []struct {
			name    string
			library string
			args    [][]string // of each rank
			says    string
			times   int // how often; 0 = once or more
			code    int
			skip    bool
		}{
			{"the static binary", "", [][]string{{static}, {static}},
				by + " has started 2 processes, each of which would do the whole work: start pedestrian-mpi instead", 1, 2, false},
			{"no such library", "/nowhere/libmpi.so", [][]string{{ranks}, {ranks}}, "PEDESTRIAN_MPI: /nowhere/libmpi.so: cannot open", 0, 1, false},
			{"no MPI", "libm.so.6", [][]string{{ranks}, {ranks}}, "libm.so.6: it has no MPI_Get_library_version: it is no library of MPI", 0, 1, false},
			{"another installation", other, [][]string{{ranks}, {ranks}}, "sees 1: both must be of one installation; use its own launcher, or set PEDESTRIAN_MPI to", 0, 1, !both},
			{"other data", "", [][]string{{ranks, "--data", "a.txt"}, {ranks, "--data", "b.txt"}}, "the data (SHA-256) of rank 1 on ", 1, 2, false},
			{"a file that one lacks", "", [][]string{{ranks, "--data", "a.txt"}, {ranks, "--data", "c.txt"}}, "rank 1 on ", 1, 2, false},
			{"too few leaves", "", [][]string{{ranks}, {ranks}, {ranks}}, "3 processes cannot share an update whose leaves are 2: ", 0, 2, false},
		} {
			if c.skip {
				continue
			}
			var args []string
			for rank, a := range c.args {
				if rank > 0 {
					args = append(args, ":")
				}
				args = append(append(append(args, "-n", "1", a[0]), train...), a[1:]...)
			}
			t.Setenv(libraryVariable, c.library)
			out, code := startJob(t, dir, append(launcher[:len(launcher):len(launcher)], args...)...).end()
			if n := strings.Count(out, c.says); code != c.code || n == 0 || c.times > 0 && n != c.times {
				t.Errorf("%s, %s: exit code %d, want %d; %q is said %d times\n%s", launcher[0], c.name, code, c.code, c.says, n, out)
			}
			if _, err := os.Stat(filepath.Join(dir, "run", "step-000002")); err == nil {
				t.Errorf("%s, %s: it was trained", launcher[0], c.name)
			}
		}
		t.Setenv(libraryVariable, "")
		if runtime.NumCPU() > 1 {
			bound := append(launcher[:1:1], []string{"-bind-to", "core:1", "-n", "1"}...)
			if i == 0 {
				bound = append(launcher[:1:1], "--allow-run-as-root", "--oversubscribe", "-n", "1")
			}
			out, code := startJob(t, dir, append(append(bound, ranks), train...)...).end()
			if code != 0 || strings.Count(out, "warning: the 1 rank of ") != 1 || !strings.Contains(out, "-bind-to none") {
				t.Errorf("%s, bound to one core: exit code %d\n%s", launcher[0], code, out)
			}
			if strings.Contains(out, "\x1b") {
				t.Errorf("%s: marks of a terminal where there is none\n%q", launcher[0], out)
			}
			if err := os.RemoveAll(filepath.Join(dir, "run")); err != nil {
				t.Fatal(err)
			}
		}
	}
}
