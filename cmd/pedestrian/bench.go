package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pedestrian-ml/pedestrian/internal/kernel"
)

func newBenchCmd() *cobra.Command {
	b := &bench{}
	var list bool
	var profile string
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure this machine's limits, and how close the kernels and a step come",
		Long: `Measures what this machine can do (operations on registers, memory) and, in the same
run and alternating with it, what is reached: products, kernels on rows, whole
training steps by phase, generation.

A name such as train/gpt2/4x64/float32 is one case; --only takes the beginning of
one, and "pedestrian bench --list" names them all. Without --only the long cases are
left out. Each figure is a median; "of peak" is the rate beside that of fused
multiply-adds on registers (in bf16: of dot products, where there are any), measured
in between. In a step the operations are 6·parameters + 12·blocks·width·T a token,
masked or not, as the field counts them.

With --json there is one object a line, in the form that bench/peers/README.md gives.`,
		Example: "  pedestrian bench\n  pedestrian bench --only train/gpt2/4x64 --repeat 3\n  pedestrian bench --only run/char --text tinyshakespeare.txt --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			b.out = cmd.OutOrStdout()
			if list {
				for _, c := range benchCases() {
					fmt.Fprintln(b.out, c.name)
				}
				return nil
			}
			if b.threads < 0 || b.repeat < 0 {
				return usagef("--threads is %d and --repeat %d: neither may be negative; 0 means as usual", b.threads, b.repeat)
			}
			return profiled(profile, b.run)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&b.only, "only", "", "the case, or the beginning of several, such as gemm/nn")
	f.StringVar(&b.precision, "precision", "", "only cases of this precision, float32 or bf16")
	f.IntVar(&b.threads, "threads", 0, "threads (0 = one a processor)")
	f.IntVar(&b.repeat, "repeat", 0, "repetitions of each case (0 = as many as it needs)")
	f.StringVar(&b.text, "text", "", "the text that run/char learns")
	f.BoolVar(&b.recompute, "recompute", false, "steps keep of each block its input alone and compute the rest again")
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
	out                   io.Writer
	pool                  *kernel.Pool
}

// A benchCase is one line of the report. A long one runs only when it is named.
type benchCase struct {
	name string
	long bool
	run  func(b *bench, r *figures) error
}

// figures are what a case gave; zeros are not measured.
type figures struct {
	Name         string             `json:"name"`
	MS           []float64          `json:"ms"` // of each repetition
	Tokens       int                `json:"tokens,omitempty"`
	Flop         float64            `json:"flop,omitempty"`     // operations of a repetition
	Bytes        float64            `json:"bytes,omitempty"`    // that a repetition moves
	Elements     int                `json:"elements,omitempty"` // of a repetition
	TokensPerS   float64            `json:"tokens_per_s,omitempty"`
	GFLOPS       float64            `json:"gflop_per_s,omitempty"`
	OfPeak       float64            `json:"of_peak,omitempty"` // fraction of the precision's peak, measured in between
	GBPerS       float64            `json:"gb_per_s,omitempty"`
	OfBandwidth  float64            `json:"of_bandwidth,omitempty"`
	NsPerElement float64            `json:"ns_per_element,omitempty"`
	PeakMiB      float64            `json:"peak_mib,omitempty"`
	PlannedMiB   float64            `json:"planned_mib,omitempty"` // of a step, beside parameters, gradients and moments
	Phases       map[string]float64 `json:"phases,omitempty"`      // median milliseconds
	SToTarget    []*float64         `json:"s_to_target,omitempty"`
	ValLoss      []float64          `json:"val_loss,omitempty"`
}

func benchCases() []benchCase {
	return slices.Concat(limitCases(), gemmCases(), kernelCases(), stepCases(), generateCases(), growthCases(), runCases())
}

func (b *bench) run() error {
	cases := slices.DeleteFunc(benchCases(), func(c benchCase) bool { return !b.wants(c) })
	if len(cases) == 0 {
		return usagef("no case is called %q in precision %q: \"pedestrian bench --list\" names them", b.only, b.precision)
	}
	for _, c := range cases {
		if b.text == "" && strings.HasPrefix(c.name, "run/") {
			return usagef("%s learns a text: name one with --text", c.name)
		}
	}
	b.pool = kernel.NewPool(b.threads)
	defer b.pool.Close()
	b.threads = b.pool.Threads()
	if !b.json {
		fmt.Fprintf(b.out, "%s, %d threads, %s\n\n", kernel.Current(), b.threads, runtime.Version())
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

// wants says whether the flags ask for c.
func (b *bench) wants(c benchCase) bool {
	switch {
	case b.precision != "" && !strings.HasSuffix(c.name, "/"+b.precision):
		return false
	case b.only == "":
		return !c.long
	}
	return strings.HasPrefix(c.name, b.only)
}

// repeats is how often a case is repeated when the flag does not say.
func (b *bench) repeats(usual int) int {
	if b.repeat > 0 {
		return b.repeat
	}
	return usual
}

// derive computes rates from the median.
func (r *figures) derive() {
	s := median(r.MS) / 1e3
	if s == 0 {
		return
	}
	r.TokensPerS, r.GFLOPS, r.GBPerS = float64(r.Tokens)/s, r.Flop/s/1e9, r.Bytes/s/1e9
	if r.Elements > 0 {
		r.NsPerElement = s * 1e9 / float64(r.Elements)
	}
}

func (b *bench) print(r *figures) error {
	if b.json {
		line, err := json.Marshal(r)
		if err == nil {
			_, err = fmt.Fprintf(b.out, "%s\n", line)
		}
		return err
	}
	line := fmt.Sprintf("%-34s %10.3f ms", r.Name, median(r.MS))
	for _, f := range []struct {
		value float64
		form  string
	}{
		{r.TokensPerS, "%8.0f tokens/s"}, {r.GFLOPS, "%8.1f GFLOP/s"}, {100 * r.OfPeak, "%5.1f %% of peak"},
		{r.GBPerS, "%7.1f GB/s"}, {100 * r.OfBandwidth, "%5.1f %% of bandwidth"},
		{r.NsPerElement, "%7.3f ns an element"}, {r.PeakMiB, "%7.0f MiB"}, {r.PlannedMiB, "%7.0f MiB planned"},
	} {
		if f.value > 0 {
			line += "  " + fmt.Sprintf(f.form, f.value)
		}
	}
	fmt.Fprintln(b.out, line)
	for _, name := range phaseNames {
		if ms, ok := r.Phases[name]; ok {
			fmt.Fprintf(b.out, "    %-30s %10.3f ms  %5.1f %%\n", name, ms, 100*ms/median(r.MS))
		}
	}
	for i, v := range r.ValLoss {
		target := "not reached"
		if s := r.SToTarget[i]; s != nil {
			target = fmt.Sprintf("reached after %.1f s", *s)
		}
		fmt.Fprintf(b.out, "    validation loss %.4f; %.2f %s\n", v, charTarget, target)
	}
	return nil
}

// median of x; 0 of nothing.
func median(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	x = slices.Sorted(slices.Values(x))
	return (x[len(x)/2] + x[(len(x)-1)/2]) / 2
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
