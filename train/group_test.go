package train

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
)

// A room is where the processes of a test meet.
type room struct {
	mu   sync.Mutex
	cond *sync.Cond
	size int
	came int
	turn int
	in   []any
	out  []any
}

func newRoom(size int) *room {
	r := &room{size: size, in: make([]any, size)}
	r.cond = sync.NewCond(&r.mu)
	return r
}

// meet waits for all and returns what each has brought.
func (r *room) meet(rank int, x any) []any {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.in[rank] = x
	if r.came++; r.came == r.size {
		r.out, r.in, r.came = r.in, make([]any, r.size), 0
		r.turn++
		r.cond.Broadcast()
		return r.out
	}
	for turn := r.turn; turn == r.turn; {
		r.cond.Wait()
	}
	return r.out
}

// A member is a process of a test: a Group whose processes are goroutines.
type member struct {
	*room
	rank int
}

func (m member) Rank() int { return m.rank }
func (m member) Size() int { return m.size }

// Part gives the last blocks to the first process, and so on, so that nothing relies on an order.
// With a number that does not divide the blocks, some have one more.
func (m member) Part(n int, _ Sum) (from, to int) { return partOf(n, m.size, m.rank) }

func partOf(n, size, rank int) (from, to int) {
	blocks := (n + engine.UpdateBlock - 1) / engine.UpdateBlock
	at := func(i int) int { return min(n, blocks*i/size*engine.UpdateBlock) }
	return at(size - 1 - rank), at(size - rank)
}

// ReduceScatter leaves nothing but its part to each process. Where there is a fan, it and the
// order must say the same.
func (m member) ReduceScatter(x [][]float32, s Sum) error {
	var mine [][]float32
	for _, y := range x {
		mine = append(mine, slices.Clone(y))
	}
	var stack, slabs [][]float32
	for rank, y := range m.meet(m.rank, mine) {
		if theirs := y.([][]float32); len(theirs) != s.Counts[rank] {
			return fmt.Errorf("process %d has %d slabs, of %v", rank, len(theirs), s.Counts)
		}
		slabs = append(slabs, y.([][]float32)...)
	}
	for k, y := range slabs {
		stack = append(stack, y)
		for range s.Adds[k] {
			top := len(stack) - 1
			stack = append(stack[:top-1], plus(stack[top-1], stack[top]))
		}
	}
	if len(stack) != 1 {
		return fmt.Errorf("%v leaves %d sums", s.Adds, len(stack))
	}
	for _, n := range s.Fan {
		var joined [][]float32
		for i := 0; i < len(slabs); i += n {
			sum := slabs[i]
			for _, y := range slabs[i+1 : i+n] {
				sum = plus(sum, y)
			}
			joined = append(joined, sum)
		}
		slabs = joined
	}
	if s.Fan != nil && (len(slabs) != 1 || !slices.Equal(slabs[0], stack[0])) {
		return fmt.Errorf("the fan %v and the order %v add otherwise", s.Fan, s.Adds)
	}
	for _, y := range x {
		for i := range y {
			y[i] = float32(math.NaN()) // has no meaning
		}
	}
	last := x[len(x)-1]
	from, to := m.Part(len(last), s)
	copy(last[from:to], stack[0][from:to])
	return nil
}

func (m member) AllGather(x []float32, _ Sum) error {
	for rank, y := range m.meet(m.rank, slices.Clone(x)) {
		from, to := partOf(len(x), m.size, rank)
		copy(x[from:to], y.([]float32)[from:to])
	}
	return nil
}

func (m member) Gather(mine []byte) (all [][]byte, err error) {
	for _, b := range m.meet(m.rank, slices.Clone(mine)) {
		all = append(all, b.([]byte))
	}
	return all, nil
}

func (m member) Agree(x int64) (lowest, highest int64, err error) {
	lowest, highest = x, x
	for _, y := range m.meet(m.rank, x) {
		lowest, highest = min(lowest, y.(int64)), max(highest, y.(int64))
	}
	return lowest, highest, nil
}

// together runs f as so many processes.
func together(t *testing.T, size int, f func(g Group) error) {
	t.Helper()
	errs := make([]error, size)
	r := newRoom(size)
	var working sync.WaitGroup
	for rank := range size {
		working.Go(func() { errs[rank] = f(member{r, rank}) })
	}
	working.Wait()
	for rank, err := range errs {
		if err != nil {
			t.Fatalf("process %d of %d: %v", rank, size, err)
		}
	}
}

// digest is the SHA-256 of weights and moments. All processes of a run call it.
func digest(r *Run) (string, error) {
	h := sha256.New()
	_ = binary.Write(h, binary.LittleEndian, r.State.Trained().Slab())
	for _, second := range []bool{false, true} {
		w, err := r.stepper.moments(second)
		if err != nil {
			return "", err
		}
		_ = binary.Write(h, binary.LittleEndian, w.Slab())
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}

// trained is the digest of a run of one process.
func trained(t *testing.T, r *Run) string {
	t.Helper()
	if _, err := r.Train(t.Context(), Observer{}); err != nil {
		t.Fatal(err)
	}
	d, err := digest(r)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// sameRun trains the run of a process of g to its end, and compares its digest.
func sameRun(ctx context.Context, r *Run, g Group, want string) error {
	if err := r.Share(g); err != nil {
		return err
	}
	if _, err := r.Train(ctx, Observer{}); err != nil {
		return err
	}
	if got, err := digest(r); err != nil || got != want {
		return fmt.Errorf("weights and moments %.12s, those of one process %.12s (%v)", got, want, err)
	}
	return nil
}

// broad are options whose slab has several blocks: of all weights 8, of an adapter 3.
func broad(o Options) Options {
	o.Width, o.Heads, o.Context, o.Vocab, o.Batch, o.Steps, o.Threads = 48, 4, 8, 64, 1, 3, 1
	if o.Tuning.trainsAdapter() {
		o.Tuning.Adapter.Rank = 24
	}
	return o
}

// TestGroupBits: several processes make the run of one, to the last bit: all weights, LoRA and
// DoRA, with dropout, in both precisions, also where a process has no number to update.
func TestGroupBits(t *testing.T) {
	dora := adapted()
	dora.Tuning.Adapter.DoRA, dora.Tuning.Adapter.Bias, dora.Tuning.LoRAPlus = true, pedestrian.BiasAll, 4
	for _, c := range []struct {
		leaves int
		sizes  []int
	}{{4, []int{2, 3}}, {12, []int{2, 4, 12}}} {
		for name, o := range map[string]Options{"all": mini(), "LoRA": adapted(), "DoRA": dora} {
			for _, precision := range []engine.Precision{engine.Float32, engine.BF16} {
				o := broad(o)
				o.Leaves, o.Accumulate, o.Dropout, o.Precision = c.leaves, 2*c.leaves, 0.1, string(precision)
				d := dataOf(t, sentences(t), o)
				want := trained(t, start(t, o, d, ""))
				for _, size := range c.sizes {
					runs := make([]*Run, size)
					for rank := range runs {
						runs[rank] = start(t, o, d, "")
					}
					together(t, size, func(g Group) error {
						if err := sameRun(t.Context(), runs[g.Rank()], g, want); err != nil {
							return fmt.Errorf("%s, %s, %d leaves: %w", name, precision, c.leaves, err)
						}
						return nil
					})
				}
			}
		}
	}
}

// TestGroupNorms: the norm of the gradient, which decides about clipping and spikes, is that of one
// process to the last bit: squares are added in the order of the slab, whoever has them.
func TestGroupNorms(t *testing.T) {
	o := broad(mini())
	o.Width, o.Leaves, o.Accumulate, o.Steps = 192, 4, 4, 4
	d := dataOf(t, sentences(t), o)
	norms := func(r *Run) (norms []float64, err error) {
		for range o.Steps {
			u, err := r.Step(t.Context())
			if err != nil {
				return nil, err
			}
			norms = append(norms, u.Norm)
		}
		return norms, nil
	}
	want, err := norms(start(t, o, d, ""))
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{2, 3} {
		runs := make([]*Run, size)
		for rank := range runs {
			runs[rank] = start(t, o, d, "")
		}
		together(t, size, func(g Group) error {
			if err := runs[g.Rank()].Share(g); err != nil {
				return err
			}
			if got, err := norms(runs[g.Rank()]); err != nil || !slices.Equal(got, want) {
				return fmt.Errorf("norms %v, those of one process %v (%v)", got, want, err)
			}
			return nil
		})
	}
}

// resumed returns runs that go on from the newest checkpoint in dir. The first of them has dir.
func resumed(t *testing.T, dir string, d *Data, size int) []*Run {
	t.Helper()
	runs, loaded := make([]*Run, size), make([]*Checkpoint, size)
	together(t, size, func(g Group) (err error) {
		if size > 1 {
			loaded[g.Rank()], _, err = LoadNewestShared(dir, g)
		} else {
			loaded[0], _, err = LoadNewest(dir, true)
		}
		return err
	})
	for rank, c := range loaded {
		var err error
		if c.Options.Tuning.trainsAdapter() {
			b, err := randomBase(c.Options, d)
			if err == nil {
				err = c.Attach(b.Params)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		to := ""
		if rank == 0 {
			to = dir
		}
		if runs[rank], err = Resume(to, c, d); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { runs[rank].Close() })
	}
	return runs
}

// TestGroupStops: if one process is asked to stop, all stop after the same step. The checkpoint
// has the bytes of one process's, and with other numbers of processes, 2, 4 and 1, the run goes
// on to the bits of one that was not stopped.
func TestGroupStops(t *testing.T) {
	o := broad(mini())
	o.Leaves, o.Accumulate, o.Steps, o.SaveEvery = 4, 4, 9, 100
	d := dataOf(t, sentences(t), o)
	alone := t.TempDir()
	want := trained(t, start(t, o, d, alone))
	dir := t.TempDir()
	runs := []*Run{start(t, o, d, dir), start(t, o, d, "")}
	for i, size := range []int{2, 4} {
		together(t, size, func(g Group) error {
			r := runs[g.Rank()]
			if err := r.Share(g); err != nil {
				return err
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			end, err := r.Train(ctx, Observer{Step: func(u Update) {
				if u.Step == 3+3*i && g.Rank() == 1 {
					stop()
				}
			}})
			if err != nil || end != Stopped || r.State.Step != 3+3*i {
				return fmt.Errorf("%q after step %d, %v", end, r.State.Step, err)
			}
			return nil
		})
		runs[0].Close()
		runs = resumed(t, dir, d, []int{4, 1}[i])
	}
	if got := trained(t, runs[0]); got != want {
		t.Errorf("weights and moments %.12s, those of the run that was not stopped %.12s", got, want)
	}

	// The last checkpoint, once more by 3 and 4 processes.
	o.Leaves, o.Accumulate = 12, 12
	alone, dir = t.TempDir(), t.TempDir()
	want = trained(t, start(t, o, d, alone))
	runs = []*Run{start(t, o, d, dir), start(t, o, d, ""), start(t, o, d, "")}
	together(t, 3, func(g Group) error { return sameRun(t.Context(), runs[g.Rank()], g, want) })
	for _, name := range []string{modelFile, momentsFile} {
		a, errA := os.ReadFile(filepath.Join(alone, "step-000009", name))
		b, errB := os.ReadFile(filepath.Join(dir, "step-000009", name))
		if errA != nil || errB != nil || !slices.Equal(a, b) {
			t.Errorf("%s of three processes has other bytes than that of one (%v, %v)", name, errA, errB)
		}
	}
	if err := Verify(filepath.Join(dir, "step-000009")); err != nil {
		t.Error(err)
	}
}

// TestGroupSpikes: batches that are passed over, and states that the run goes back to, are those
// of one process, also if the run is stopped and goes on with another number of processes after
// a snapshot that only process 0 can load; and so is the end by patience.
func TestGroupSpikes(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"skip":    func(o *Options) { o.OnSpike = SpikeSkip },
		"rewind":  func(o *Options) { o.OnSpike = SpikeRewind },
		"adapter": func(o *Options) { o.OnSpike, o.Tuning = SpikeRewind, adapted().Tuning },
		"patient": func(o *Options) { o.OnSpike, o.Patience, o.LR, o.MinLR = SpikeSkip, 2, 1, 1 },
	} {
		o := mini()
		change(&o)
		o = broad(o)
		o.Leaves, o.Accumulate, o.Steps, o.SaveEvery, o.EvalEvery, o.EvalBatches, o.Clip = 4, 4, 14, 5, 6, 1, 1
		d := dataOf(t, sentences(t), o)
		spoil := func(r *Run) *Run {
			r.beforeUpdate = func() {
				if r.State.Position == 9 {
					g := r.grad.Slab()
					g[len(g)/2] = float32(math.NaN())
				}
			}
			return r
		}
		one := spoil(start(t, o, d, ""))
		want := trained(t, one)
		if one.State.Skipped != 1 || name == "patient" && one.State.Step == o.Steps {
			t.Fatalf("%s: %d batches passed over, %d steps", name, one.State.Skipped, one.State.Step)
		}
		dir := t.TempDir()
		runs := []*Run{start(t, o, d, dir), start(t, o, d, "")}
		together(t, 2, func(g Group) error {
			r := spoil(runs[g.Rank()])
			if err := r.Share(g); err != nil {
				return err
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			_, err := r.Train(ctx, Observer{Step: func(u Update) {
				if u.Step == 7 { // the snapshot is that of step 5
					stop()
				}
			}})
			return err
		})
		runs[0].Close()
		runs = resumed(t, dir, d, 4)
		if runs[0].State.Step > 7 {
			t.Fatalf("%s: resumed after step %d", name, runs[0].State.Step)
		}
		together(t, 4, func(g Group) error {
			if err := sameRun(t.Context(), spoil(runs[g.Rank()]), g, want); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if s := runs[g.Rank()].State; s.Skipped != 1 || s.Step != one.State.Step || s.Best != one.State.Best {
				return fmt.Errorf("%s: %d batches passed over, %d steps, the best %+v", name, s.Skipped, s.Step, s.Best)
			}
			return nil
		})
	}
}

// TestGroupDamaged: a number that the memory of one process has spoiled ends the run of all with
// one cause, or all go back. Which process has it does not matter.
func TestGroupDamaged(t *testing.T) {
	o := broad(mini())
	o.Leaves, o.Accumulate, o.Steps, o.SaveEvery, o.OnSpike = 2, 2, 6, 2, SpikeRewind
	d := dataOf(t, sentences(t), o)
	want := trained(t, start(t, o, d, ""))
	for _, at := range []int{0, 1 << 14} { // in the part of the last process, and in that of the first
		for what, slab := range map[string]func(*State) []float32{
			"the weight":             func(s *State) []float32 { return s.Params.Slab[at:] },
			"the first moment of":    func(s *State) []float32 { return s.part.m },
			"the second moment of":   func(s *State) []float32 { return s.part.v },
			"the weight of the last": func(s *State) []float32 { return s.Params.Blocks[1].Expand.W.V },
		} {
			for damaged := range 2 {
				runs := []*Run{start(t, o, d, ""), start(t, o, d, "")}
				causes := make([]string, 2)
				together(t, 2, func(g Group) error {
					r, spoilt := runs[g.Rank()], false
					r.beforeUpdate = func() {
						if r.State.Step == 3 && g.Rank() == damaged && !spoilt {
							spoilt = true
							slab(r.State)[0] = float32(math.NaN())
						}
					}
					if err := r.Share(g); err != nil {
						return err
					}
					_, err := r.Train(t.Context(), Observer{Spike: func(s Spike) { causes[g.Rank()] = s.String() }})
					if err != nil {
						return err
					}
					got, err := digest(r)
					if err != nil || got != want {
						return fmt.Errorf("%s of process %d: %.12s, want %.12s (%v): %s", what, damaged, got, want, err, causes[g.Rank()])
					}
					return nil
				})
				if causes[0] != causes[1] || causes[0] != "" && !strings.Contains(causes[0], "the same batches again") {
					t.Errorf("%s of process %d: %q", what, damaged, causes)
				}
			}
		}
	}
}

// TestGroupMemory: a process keeps its part of the moments, and no other.
func TestGroupMemory(t *testing.T) {
	o := broad(mini())
	o.Width, o.Leaves, o.Accumulate, o.OnSpike = 192, 4, 4, SpikeRewind
	d := dataOf(t, sentences(t), o)
	kept := func(size int, shared bool) (bytes int64) {
		before := live()
		runs := make([]*Run, size)
		for rank := range runs {
			runs[rank] = start(t, o, d, "")
		}
		together(t, size, func(g Group) error {
			r := runs[g.Rank()]
			if shared {
				if err := r.Share(g); err != nil {
					return err
				}
			}
			_, err := r.Step(t.Context())
			_, _ = g.Gather(nil) // the room forgets the slabs that were brought last
			return err
		})
		bytes = live() - before
		for _, r := range runs {
			for _, s := range r.sums.room {
				bytes -= int64(4 * len(s))
			}
		}
		return bytes
	}
	n := 4 * int64(start(t, o, d, "").Network.Ledger().Total())
	for _, size := range []int{2, 4} {
		// There are four moments, two in the state and two in the snapshot. Alone each run has
		// them; together all have them once.
		freed, want := kept(size, false)-kept(size, true), 4*n*int64(size-1)
		if freed < want-n/8 || freed > want+n/8 {
			t.Errorf("%d processes keep %d bytes less than so many runs, with moments of %d bytes, want %d", size, freed, n, want)
		}
	}
}

// live returns the bytes of all that is reachable.
func live() int64 {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestGroupEvaluation: the loss of an evaluation whose rows the processes divide has the bits of
// one process, of all rows and of some, with the last batch full or not.
func TestGroupEvaluation(t *testing.T) {
	for _, c := range []struct{ rows, batch int }{{0, 2}, {0, 3}, {7, 1}, {1, 1}} {
		o := mini()
		o.Leaves, o.Accumulate, o.EvalBatches, o.Batch = 4, 4, c.rows, c.batch
		d := dataOf(t, sentences(t), o)
		want, err := start(t, o, d, "").Evaluate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for size := 2; size <= 4; size++ {
			runs := make([]*Run, size)
			for rank := range runs {
				runs[rank] = start(t, o, d, "")
			}
			together(t, size, func(g Group) error {
				r := runs[g.Rank()]
				if err := r.Share(g); err != nil {
					return err
				}
				if got, err := r.Evaluate(t.Context()); err != nil || got != want {
					return fmt.Errorf("%d batches of %d: %v, one process has %v (%v)", c.rows, c.batch, got, want, err)
				}
				return nil
			})
		}
	}
}

// TestGroupRefused: each process has a leaf at least.
func TestGroupRefused(t *testing.T) {
	for _, c := range []struct {
		leaves, size int
		want         string
	}{
		{1, 2, "2 processes cannot share an update whose leaves are 1: there may be as many processes as leaves; set leaves"},
		{8, 16, "16 processes cannot share an update whose leaves are 8: "},
	} {
		o := mini()
		o.Leaves, o.Accumulate = c.leaves, c.leaves
		r := start(t, o, dataOf(t, sentences(t), o), "")
		if err := r.Share(member{newRoom(c.size), 0}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d leaves, %d processes: %v", c.leaves, c.size, err)
		}
	}
}

// TestPartialSums: whatever the number of processes, what they add as text is what one process
// adds, and the leaves are divided as evenly as can be.
func TestPartialSums(t *testing.T) {
	add := func(stack []string, times int) []string {
		for ; times > 0; times-- {
			top := len(stack) - 1
			stack = append(stack[:top-1], "("+stack[top-1]+"+"+stack[top]+")")
		}
		return stack
	}
	for leaves, want := range map[int]string{
		1: "0", 2: "(0+1)", 3: "((0+1)+2)", 4: "((0+1)+(2+3))", 6: "(((0+1)+(2+3))+(4+5))", 8: "(((0+1)+(2+3))+((4+5)+(6+7)))",
		12: "((((0+1)+(2+3))+((4+5)+(6+7)))+((8+9)+(10+11)))", 16: "", 24: "", 48: "",
	} {
		var one []string
		for i := range leaves {
			one = add(append(one, fmt.Sprint(i)), joins(i, leaves))
		}
		if len(one) != 1 || want != "" && one[0] != want {
			t.Fatalf("%d leaves: %q, want %s", leaves, one, want)
		}
		for size := 1; size <= leaves; size++ {
			s := sumOf(leaves, size)
			var all []string
			k := 0
			for rank := range size {
				from, to := leavesOf(leaves, size, rank)
				if to-from < leaves/size || to-from > (leaves+size-1)/size {
					t.Errorf("%d leaves of %d processes: the one of rank %d has %d", leaves, size, rank, to-from)
				}
				// What a process has by itself: sums of whole subtrees, each of which is a part of the text.
				var own []string
				for i, left := from, s.Counts[rank]; i < to; i++ {
					own = append(own, fmt.Sprint(i))
					for len(own) > 1 && strings.Contains(one[0], "("+own[len(own)-2]+"+"+own[len(own)-1]+")") {
						own = add(own, 1)
					}
					if i == to-1 && len(own) != left {
						t.Errorf("%d leaves of %d processes: the one of rank %d has %q, and %d sums are said", leaves, size, rank, own, left)
					}
				}
				for _, x := range own {
					all = add(append(all, x), s.Adds[k])
					k++
				}
			}
			if len(all) != 1 || all[0] != one[0] {
				t.Errorf("%d leaves of %d processes: %q, want %s", leaves, size, all, one[0])
			}
			if whole := !slices.ContainsFunc(s.Counts, func(n int) bool { return n > 1 }); s.Fan != nil && !whole {
				t.Errorf("%d leaves of %d processes: a fan %v, and %v slabs", leaves, size, s.Fan, s.Counts)
			}
		}
	}
	for _, size := range []int{1, 2, 3, 4, 6, 12} {
		s := sumOf(12, size)
		if most := slices.Max(s.Counts); most > 2 || (s.Fan != nil) != (most == 1) {
			t.Errorf("12 leaves of %d processes: %+v", size, s)
		}
	}
}
