package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

func newBenchCmd() *cobra.Command {
	b := &bench{}
	var list bool
	var profile string
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure this machine's limits, and how close the kernels and a step come",
		Long: `Measures the limits of this machine (operations on registers, memory) and, in the
same run and alternating with them, what is reached: matrix products, kernels on rows,
whole training steps by phase, generation.

A name such as train/gpt2/4x64/float32 is one case. --only takes the beginning of a
name, and "pedestrian bench --list" prints all names. Without --only the long cases are
left out. Each figure is a median. "Of peak" compares the rate with that of fused
multiply-adds on registers (in bf16: of dot products, if the processor has them),
measured between the cases. "Of kernel" compares it with the kernel of products alone,
on operands in the first-level cache: where another tenant uses the same core, that
limit falls with the products, and the peak does not.

The operations of a step are counted in the usual way, 6·parameters +
12·blocks·width·T for each token, masked or not; a third of them is the forward pass.
Of LoRA, of networks of the Llama family and of prompts, what is needed is counted: of
attention what is not masked, and no gradients of frozen weights.

With --parts the kinds of work of a step are measured too, each alone on matrices of its
sizes, and "rest" is the difference. A --profile contains them and the measurement of
the peak.

"pedestrian-mpi bench --only ranks", started by mpirun, measures messages between
processes and sums over them, beside what latency and bandwidth predict.

With --json there is one object per line, in the format of bench/peers/README.md.`,
		Example: "  pedestrian bench\n  pedestrian bench --only train/gpt2/4x64 --repeat 3\n  pedestrian bench --only run/char --text tinyshakespeare.txt --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			b.out = cmd.OutOrStdout()
			if b.threads < 0 || b.repeat < 0 {
				return usagef("--threads is %d and --repeat %d: neither may be negative; 0 means as usual", b.threads, b.repeat)
			}
			if strings.HasPrefix(b.only, "ranks") && !list {
				var err error
				if b.out, _, err = joinRanks(b.out, cmd.ErrOrStderr()); err != nil {
					return err
				}
				if !inGroup() {
					return usagef("the cases of ranks need several processes: start them by a launcher, such as mpirun -n 2 --bind-to none pedestrian-mpi bench --only ranks")
				}
			}
			cases, err := b.cases(list)
			if err != nil {
				return err
			}
			if !list {
				return profiled(profile, func() error { return b.run(cases) })
			}
			for _, c := range cases {
				fmt.Fprintln(b.out, c.name)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&b.only, "only", "", "the case, or the beginning of several, such as gemm/nn")
	f.StringVar(&b.precision, "precision", "", "only cases of this precision, float32, bf16x3, bf16 or q8_0")
	f.IntVar(&b.threads, "threads", 0, "threads (0 = one a processor)")
	f.IntVar(&b.repeat, "repeat", 0, "repetitions of each case (0 = as many as it needs)")
	f.StringVar(&b.text, "text", "", "the text that run/char learns")
	f.BoolVar(&b.recompute, "recompute", false, "steps keep of each block its input alone and compute the rest again")
	f.BoolVar(&b.parts, "parts", false, "of a step, measure products, attention and logits alone as well")
	f.BoolVar(&b.json, "json", false, "one JSON object a line")
	f.BoolVar(&list, "list", false, "name the cases and do nothing")
	f.StringVar(&profile, "profile", "", "write a CPU profile to this file, for go tool pprof")
	return cmd
}

// profiled runs f, under a profile if a file is named.
func profiled(file string, f func() error) error {
	if file == "" {
		return f()
	}
	w, err := os.Create(file)
	if err != nil {
		return usagef("writing the profile: %w", err)
	}
	if err := pprof.StartCPUProfile(w); err != nil {
		return fmt.Errorf("profiling: %w", err)
	}
	err = f()
	pprof.StopCPUProfile()
	if e := w.Close(); err == nil && e != nil {
		err = fmt.Errorf("writing the profile %s: %w", file, e)
	}
	return err
}

// A bench measures cases one after another.
type bench struct {
	only, precision, text string
	threads, repeat       int
	json, recompute       bool
	parts                 bool
	out                   io.Writer
	pool                  *kernel.Pool

	latency, bandwidth float64 // between ranks: milliseconds, and bytes a millisecond
}

// A benchCase is one line of the report. A long one runs only when it is named.
type benchCase struct {
	name string
	long bool
	run  func(b *bench, r *figures) error
}

func benchCases() []benchCase {
	return slices.Concat(limitCases(), gemmCases(), kernelCases(), stepCases(), adapterCases(), generateCases(), attentionCases(), growthCases(), runCases(), rankCases())
}

// cases are those that the flags name, the long ones among them only if they are named
// or all are wanted.
func (b *bench) cases(all bool) ([]benchCase, error) {
	if b.precision != "" && b.precision != string(engine.BF16x3) {
		if err := readPrecision(b.precision).check(); err != nil {
			return nil, err
		}
	}
	cases := slices.DeleteFunc(benchCases(), func(c benchCase) bool {
		return !strings.HasPrefix(c.name, b.only) || b.precision != "" && !strings.HasSuffix(c.name, "/"+b.precision) ||
			c.long && b.only == "" && !all
	})
	if len(cases) == 0 {
		in := ""
		if b.precision != "" {
			in = " in " + b.precision
		}
		return nil, usagef("no case's name begins with %q%s: \"pedestrian bench --list\" names them", b.only, in)
	}
	return cases, nil
}

func (b *bench) run(cases []benchCase) error {
	for _, c := range cases {
		if b.text == "" && strings.HasPrefix(c.name, "run/") {
			return usagef("%s learns a text: name one with --text", c.name)
		}
	}
	b.pool = kernel.NewPool(b.threads)
	defer b.pool.Close()
	b.threads = b.pool.Threads()
	if !b.json {
		fmt.Fprintf(b.out, "%s, %d threads, %s\n%s\n", kernel.Current(), b.threads, runtime.Version(), ranksLine())
	}
	for _, c := range cases {
		r := figures{Name: c.name}
		runtime.GC()
		if err := c.run(b, &r); err != nil {
			return fmt.Errorf("measuring %s: %w", c.name, err)
		}
		r.derive()
		if err := b.print(&r); err != nil {
			return err
		}
	}
	return nil
}

// repeats is how often a case is repeated when the flag does not say.
func (b *bench) repeats(usual int) int {
	if b.repeat > 0 {
		return b.repeat
	}
	return usual
}

// timed is how long f takes, in milliseconds.
func timed(f func()) float64 {
	start := time.Now()
	f()
	return float64(time.Since(start)) / 1e6
}

// peakMemory is the largest resident set of this process so far, in MiB; 0 where
// the system does not tell.
func peakMemory() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		var kb float64
		if _, err := fmt.Sscanf(line, "VmHWM: %f kB", &kb); err == nil {
			return kb / 1024
		}
	}
	return 0
}
