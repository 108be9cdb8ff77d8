//go:build mpi && long && linux && (amd64 || arm64)

package mpi

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

func init() { tasks["sums"] = sumsForAWhile }

// sumsForAWhile forms a sum of 4 MB again and again, for eight seconds.
func sumsForAWhile(w *World) {
	tree := Tree{Fan: []int{w.Size}}
	x, want := make([]float32, 1<<20), make([]float32, 1<<20)
	for i := range want {
		for rank := range w.Size {
			want[i] += summand(rank, i)
		}
	}
	dir := os.Getenv("PEDESTRIAN_TEST_DIR")
	must(os.WriteFile(filepath.Join(dir, fmt.Sprintf("ready-%d", w.Rank)), nil, 0o644))
	began, slowest, rounds := time.Now(), time.Duration(0), 0
	for ; ; rounds++ {
		start := time.Now()
		for i := range x {
			x[i] = summand(w.Rank, i)
		}
		must(w.ReduceScatter(x, tree))
		must(w.AllGather(x, tree))
		for i := range x {
			if math.Float32bits(x[i]) != math.Float32bits(want[i]) {
				fail("round %d: %v at %d, and not %v", rounds, x[i], i, want[i])
			}
		}
		slowest = max(slowest, time.Since(start))
		enough := int64(0)
		if time.Since(began) > 8*time.Second {
			enough = 1
		}
		all, _, err := w.Agree(enough)
		must(err)
		if all == 1 {
			break
		}
	}
	if w.Rank == 0 {
		fmt.Printf("%d sums right, the slowest took %v\n", rounds, slowest.Round(time.Millisecond))
	}
}

// sumsRight is what sumsForAWhile says.
var sumsRight = regexp.MustCompile(`(\d+) sums right`)

// cable calls testdata/cable.sh.
func cable(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("testdata/cable.sh", args...).CombinedOutput(); err != nil {
		t.Fatalf("cable.sh %s: %v\n%s", args, err, out)
	}
}

// Two hosts that a cable joins, under Open MPI and MPICH: every function gives what it must; a
// cable that is out for two seconds, or slow, delays the sums and changes none; one that stays out
// ends the job under Open MPI, which looks after its connections. MPICH waits.
func TestTwoHosts(t *testing.T) {
	if os.Getuid() != 0 {
		t.Log("not tried: two network namespaces can be made by root alone")
		return
	}
	_ = exec.Command("testdata/cable.sh", "down").Run() // of a run that was killed
	cable(t, "up")
	t.Cleanup(func() { cable(t, "down") })
	shell, err := filepath.Abs("testdata/shell.sh")
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []installation{
		{"Open MPI of Debian", ABIOpenMPI, []string{"mpirun.openmpi", "--allow-run-as-root", "--host", "h0,h1", "--bind-to", "none",
			"--mca", "plm", "rsh", "--mca", "plm_rsh_agent", shell, "--mca", "btl", "tcp,self",
			"--mca", "btl_tcp_if_include", "10.77.0.0/24", "--mca", "oob_tcp_if_include", "10.77.0.0/24",
			"--mca", "oob_tcp_keepalive_time", "3", "--mca", "oob_tcp_keepalive_intvl", "1", "--mca", "oob_tcp_keepalive_probes", "3",
			"-x", "PEDESTRIAN_TEST_TASK", "-x", "PEDESTRIAN_TEST_ABI", "-x", "PEDESTRIAN_TEST_HOSTS", "-x", "PEDESTRIAN_TEST_DIR"}, nil},
		{"MPICH of Debian", ABIMPICH, []string{"mpiexec.mpich", "-hosts", "h0,h1", "-launcher", "ssh", "-launcher-exec", shell}, []string{"UCX_TLS=tcp,self"}}, // it would find out that both are one machine
	} {
		launch := func(task string) (*exec.Cmd, *bytes.Buffer, string) {
			dir := t.TempDir()
			line := fmt.Sprintf("hostname h0; exec %s -n 2 %s", strings.Join(i.command, " "), self)
			cmd := exec.Command("ip", "netns", "exec", "h0", "unshare", "-u", "sh", "-c", line)
			cmd.Env = append(os.Environ(), "PEDESTRIAN_TEST_TASK="+task, "PEDESTRIAN_TEST_ABI="+string(i.abi), "PEDESTRIAN_TEST_HOSTS=2", "PEDESTRIAN_TEST_DIR="+dir)
			cmd.Env = append(cmd.Env, i.env...)
			out := new(bytes.Buffer)
			cmd.Stdout, cmd.Stderr = out, out
			return cmd, out, dir
		}
		cmd, out, _ := launch("everything")
		if err := within(t, cmd, 2*time.Minute); err != nil || !strings.Contains(out.String(), "all right: 2 ranks") {
			t.Errorf("%s: %v\n%s", i.name, err, out)
			continue
		}

		pull := func(dir string, back time.Duration) {
			for range 1200 {
				if ready, _ := filepath.Glob(filepath.Join(dir, "ready-*")); len(ready) == 2 {
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
			time.Sleep(time.Second)
			_ = exec.Command("testdata/cable.sh", "cut").Run()
			if back > 0 {
				time.Sleep(back)
				_ = exec.Command("testdata/cable.sh", "join").Run()
			}
		}
		cmd, out, dir := launch("sums")
		go pull(dir, 2*time.Second)
		if err := within(t, cmd, 2*time.Minute); err != nil || !strings.Contains(out.String(), "sums right") {
			t.Errorf("%s, a cable out for two seconds: %v\n%s", i.name, err, out)
		}
		t.Logf("%s, a cable out for two seconds: %s", i.name, strings.TrimSpace(out.String()))

		// A sum sends 4 MB each way, which take 320 ms at 100 Mbit/s, and 40 ms more for each of
		// two messages that wait for each other.
		for _, slow := range []struct {
			args  []string
			least time.Duration
		}{{[]string{"slow", "100mbit"}, 300 * time.Millisecond}, {[]string{"delay", "20ms"}, 40 * time.Millisecond}} {
			if out, err := exec.Command("testdata/cable.sh", slow.args...).CombinedOutput(); err != nil {
				if slow.args[0] == "delay" && strings.Contains(string(out), "qdisc kind is unknown") {
					t.Logf("%s: a cable that takes %s was not tried: this kernel has no netem", i.name, slow.args[1])
					continue
				}
				t.Fatalf("cable.sh %s: %v\n%s", slow.args, err, out)
			}
			cmd, out, _ := launch("sums")
			err := within(t, cmd, 4*time.Minute)
			rounds := 0
			if found := sumsRight.FindStringSubmatch(out.String()); found != nil {
				rounds, _ = strconv.Atoi(found[1])
			}
			if err != nil || rounds == 0 {
				t.Errorf("%s, a cable with %s: %v\n%s", i.name, slow.args, err, out)
			} else if each := 8 * time.Second / time.Duration(rounds); each < slow.least {
				t.Errorf("%s, a cable with %s: a sum took %v, at least %v are wanted", i.name, slow.args, each, slow.least)
			} else {
				t.Logf("%s, a cable with %s: %d sums right, about %v each", i.name, slow.args, rounds, each.Round(time.Millisecond))
			}
			cable(t, "fast")
		}

		if i.abi != ABIOpenMPI {
			continue
		}
		cmd, out, dir = launch("sums")
		began := time.Now()
		go pull(dir, 0)
		if err := within(t, cmd, 10*time.Minute); err == nil {
			t.Errorf("%s: the job ended well without a cable\n%s", i.name, out)
		}
		t.Logf("%s, a cable out for good: the job ended %v after its start, code %d", i.name, time.Since(began).Round(time.Second), cmd.ProcessState.ExitCode())
		cable(t, "join")
	}
}
