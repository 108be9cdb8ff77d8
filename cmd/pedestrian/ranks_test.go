//go:build mpi && linux && (amd64 || arm64)

package main

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// buildRanks builds the command with tags and returns the path of the binary.
func buildRanks(t *testing.T, name, tags string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	cmd := exec.Command("go", "build", "-buildvcs=false", "-tags="+tags, "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// The binary without the tag is static and has no module that loads libraries; the one with it
// asks the system's loader, and is no more than 2 % larger.
func TestRanksBinaries(t *testing.T) {
	sizes := map[string]int64{}
	for name, c := range map[string]struct {
		tags   string
		static bool
	}{"pedestrian": {"", true}, "pedestrian-mpi": {"mpi", false}} {
		path := buildRanks(t, name, c.tags)
		f, err := elf.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		static := true
		for _, p := range f.Progs {
			static = static && p.Type != elf.PT_INTERP && p.Type != elf.PT_DYNAMIC
		}
		info, err := buildinfo.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		loads := false
		for _, d := range info.Deps {
			loads = loads || d.Path == "github.com/ebitengine/purego"
		}
		if static != c.static || loads == c.static {
			t.Errorf("%s: static %v, with purego %v", name, static, loads)
		}
		stat, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		sizes[name] = stat.Size()
	}
	if a, b := sizes["pedestrian"], sizes["pedestrian-mpi"]; b > a+a/50 {
		t.Errorf("pedestrian has %d bytes, pedestrian-mpi %d", a, b)
	}
}

// Two ranks measure what lies between them; one line says who they are, and rank 0 alone writes.
func TestRanksBench(t *testing.T) {
	path := buildRanks(t, "pedestrian-mpi", "mpi")
	for _, launcher := range [][]string{
		{"mpirun.openmpi", "--oversubscribe", "--allow-run-as-root", "--bind-to", "none"},
		{"mpiexec.mpich"},
	} {
		if _, err := exec.LookPath(launcher[0]); err != nil {
			if os.Getenv("PEDESTRIAN_TEST_MPI_ALL") != "" {
				t.Error(err)
			}
			t.Logf("%s was not tried: it is not installed; .ci/mpi installs it", launcher[0])
			continue
		}
		run := func(args ...string) (string, int) {
			cmd := exec.Command(launcher[0], append(launcher[1:len(launcher):len(launcher)], append([]string{"-n", "2", path}, args...)...)...)
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			timer := time.AfterFunc(2*time.Minute, func() { cmd.Process.Kill() })
			defer timer.Stop()
			_ = cmd.Wait()
			return out.String(), cmd.ProcessState.ExitCode()
		}
		out, code := run("bench", "--only", "ranks/exchange", "--repeat", "2")
		if code != 0 || strings.Count(out, "2 ranks, 2 of them on ") != 1 || strings.Count(out, "ranks/exchange/8B") != 1 || strings.Count(out, "ranks/exchange/64MB") != 1 {
			t.Errorf("%s: exit code %d\n%s", launcher[0], code, out)
		}
		out, code = run("bench", "--only", "ranks/nothing")
		if code != 2 || !strings.Contains(out, `no case's name begins with "ranks/nothing"`) {
			t.Errorf("%s: exit code %d\n%s", launcher[0], code, out)
		}
	}
}
