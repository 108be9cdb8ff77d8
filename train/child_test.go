package train

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/internal/faultdisk"
)

// childVar tells the test binary to be a trainer instead: "DIR TEXT MODE THREADS STOP
// KILL". It begins the run in DIR, or goes on with it, stops after step STOP, and ends
// itself by SIGKILL before the operation on the disk with number KILL (-1: not).
const childVar = "PEDESTRIAN_TEST_CHILD"

func TestMain(m *testing.M) {
	if args := os.Getenv(childVar); args != "" {
		if err := child(strings.Fields(args)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// The runs of these tests are so small that two threads mostly wait for each other: a
	// test that is about threads asks for them with parallel.
	runtime.GOMAXPROCS(1)
	os.Exit(m.Run())
}

// parallel lets n threads run until the test ends. Without it there is one.
func parallel(t testing.TB, n int) {
	before := runtime.GOMAXPROCS(n)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

// miniOptions is the run of the tests that kill: two blocks of width 32, context 32,
// vocabulary 128, a checkpoint of 0.4 MB.
func miniOptions(steps int) Options {
	o, _ := PresetOptions("tiny")
	o.Width, o.Heads, o.Blocks, o.Context, o.Vocab = 32, 4, 2, 32, 128
	o.Batch, o.Steps, o.Warmup, o.Clip = 2, steps, 5, 0.5
	o.EvalEvery, o.EvalBatches, o.SaveEvery, o.SampleEvery = 20, 1, 5, 0
	return o
}

var childModes = map[string]func(o *Options){
	"full":       func(o *Options) {},
	"dropout":    func(o *Options) { o.Dropout = 0.1 },
	"accumulate": func(o *Options) { o.Accumulate = 4 },
	"all":        func(o *Options) { o.Dropout, o.Accumulate, o.OnSpike = 0.1, 4, SpikeSkip },
	"adapter":    func(o *Options) { o.Tuning, o.OnSpike = adapted().Tuning, SpikeRewind },
	"adapter-all": func(o *Options) {
		o.Tuning, o.Dropout, o.Accumulate, o.OnSpike = adapted().Tuning, 0.1, 4, SpikeSkip
		o.Tuning.LoRAPlus = 8
	},
	"long": func(o *Options) { o.Steps, o.EvalEvery, o.Batch, o.Accumulate, o.Dropout = 500, 50, 4, 8, 0.1 },
}

func child(args []string) error {
	dir, text, mode := args[0], args[1], args[2]
	threads, _ := strconv.Atoi(args[3])
	stop, _ := strconv.Atoi(args[4])
	kill, _ := strconv.Atoi(args[5])
	if threads > 0 {
		runtime.GOMAXPROCS(threads)
	}
	o := miniOptions(60)
	childModes[mode](&o)
	o.Data, o.Threads = text, threads
	d, err := LoadData(o)
	if err != nil {
		return err
	}
	fs := faultdisk.Hook{FS: durable.OS, Before: func(what, name string) error {
		if kill == 0 {
			self, err := os.FindProcess(os.Getpid())
			if err != nil {
				return err
			}
			self.Kill()
			select {}
		}
		kill--
		return nil
	}}
	var r *Run
	if entries, _ := Checkpoints(dir); len(entries) == 0 {
		r, err = beginOn(fs, o, d, dir)
	} else {
		var c *Checkpoint
		if c, _, err = loadNewest(fs, dir, true); err != nil {
			return err
		}
		c.Options.Threads = threads
		if c.Base != nil {
			b, err := randomBase(o, d)
			if err == nil {
				err = c.Attach(b.Params)
			}
			if err != nil {
				return err
			}
		}
		r, err = resumeOn(fs, dir, c, d)
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	fmt.Println("ready")
	end, err := r.Train(ctx, Observer{Step: func(u Update) {
		if u.Step == stop {
			cancel()
		}
	}, Trouble: func(v Trouble) { fmt.Println("trouble:", v.Err) }})
	if err != nil {
		return err
	}
	if end == Stopped && r.State.Step != stop {
		return fmt.Errorf("stopped at %d instead of %d", r.State.Step, stop)
	}
	return r.Close()
}

// A lab is a directory with a text in which children train.
type lab struct{ text string }

func newLab(t testing.TB) lab {
	l := lab{filepath.Join(t.TempDir(), "text.txt")}
	// Short, so that a run of 60 steps has seen more windows than there are places: its
	// data order passes several times over what would be epochs.
	if err := os.WriteFile(l.text, []byte(sentences(t)[:1200]), 0o644); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l lab) child(dir, mode string, threads, stop, kill int) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %s %d %d %d", childVar, dir, l.text, mode, threads, stop, kill))
	return cmd
}

func (l lab) run(t testing.TB, dir, mode string, threads, stop int) {
	t.Helper()
	if out, err := l.child(dir, mode, threads, stop, -1).CombinedOutput(); err != nil {
		t.Fatalf("%s, to step %d: %v\n%s", mode, stop, err, out)
	}
}

// outcome is the digest of all that the run in dir has come to: its newest checkpoint
// and its log.
func outcome(t testing.TB, dir string) string {
	t.Helper()
	c, passed, err := LoadNewest(dir, true)
	if err != nil || len(passed) > 0 {
		t.Fatalf("%s: %v, %v", dir, passed, err)
	}
	log, err := os.ReadFile(filepath.Join(dir, MetricsFile))
	if err != nil {
		t.Fatal(err)
	}
	return digestOf(c.State) + "\n" + withoutTimes(t, log)
}

// same compares two outcomes and shows where they part.
func same(t testing.TB, what, got, want string) {
	t.Helper()
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range w {
		if i >= len(g) || g[i] != w[i] {
			t.Errorf("%s, line %d of %d, %d: got %s, want %s", what, i, len(g), len(w), slices.Concat(g, make([]string, len(w)))[i], w[i])
		}
	}
	if len(g) > len(w) {
		t.Errorf("%s: %d lines too many", what, len(g)-len(w))
	}
}

// A run that is stopped after every one of its steps, each of which is made in a
// process of its own, saved by one thread and loaded by eight and back, ends with the
// same weights, moments, counters and log as one that is never stopped.
//
// An adapter is stopped after some of its steps, and after each in the long tier.
func TestResumeInNewProcesses(t *testing.T) {
	all, every := 3, 7
	if longTier {
		all, every = 1, 1
	}
	for mode, every := range map[string]int{"all": all, "adapter": every, "adapter-all": every} {
		l := newLab(t)
		whole, cut := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "cut")
		l.run(t, whole, mode, 2, 0)
		for k := 1; k <= 59; k += every {
			l.run(t, cut, mode, []int{1, 8}[k%2], k)
		}
		l.run(t, cut, mode, 1, 0)
		same(t, mode+", stopped again and again", outcome(t, cut), outcome(t, whole))
	}
}
