package train

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

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

// ReduceScatter leaves the whole sum to process 0 and nothing to the others.
func (m member) ReduceScatter(x []float32, fan []int) error {
	var sums [][]float32
	for _, y := range m.meet(m.rank, slices.Clone(x)) {
		sums = append(sums, y.([]float32))
	}
	for _, n := range fan {
		var joined [][]float32
		for i := 0; i < len(sums); i += n {
			sum := sums[i]
			for _, y := range sums[i+1 : i+n] {
				sum = plus(sum, y)
			}
			joined = append(joined, sum)
		}
		sums = joined
	}
	if len(sums) != 1 {
		return fmt.Errorf("fan %v leaves %d sums", fan, len(sums))
	}
	clear(x)
	if m.rank == 0 {
		copy(x, sums[0])
	}
	return nil
}

func (m member) AllGather(x []float32, _ []int) error {
	copy(x, m.meet(m.rank, slices.Clone(x))[0].([]float32))
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

// digest is the SHA-256 of weights and moments.
func digest(s *State) string {
	h := sha256.New()
	for _, w := range []Weights{s.Trained(), s.M, s.V} {
		_ = binary.Write(h, binary.LittleEndian, w.Slab())
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// TestGroupBits: several processes make the run of one, to the last bit: all weights and an
// adapter, with dropout, in both precisions.
func TestGroupBits(t *testing.T) {
	for _, c := range []struct {
		leaves int
		sizes  []int
	}{{4, []int{2, 4}}, {12, []int{3, 6, 12}}} {
		for name, o := range map[string]Options{"all": mini(), "adapter": adapted()} {
			for _, precision := range []engine.Precision{engine.Float32, engine.BF16} {
				o.Leaves, o.Accumulate, o.Batch, o.Dropout, o.Steps, o.Precision, o.Threads = c.leaves, 2*c.leaves, 1, 0.1, 3, string(precision), 1
				o.OnSpike = SpikeRewind
				d := dataOf(t, sentences(t), o)
				one := start(t, o, d, "")
				if _, err := one.Train(t.Context(), Observer{}); err != nil {
					t.Fatal(err)
				}
				want := digest(one.State)
				for _, size := range c.sizes {
					runs := make([]*Run, size)
					for rank := range runs {
						runs[rank] = start(t, o, d, "")
					}
					together(t, size, func(g Group) error {
						r := runs[g.Rank()]
						if err := r.Share(g); err != nil {
							return err
						}
						if _, err := r.Train(t.Context(), Observer{}); err != nil {
							return err
						}
						if got := digest(r.State); got != want {
							return fmt.Errorf("%s, %s, %d leaves: weights and moments %.12s, those of one process %.12s", name, precision, c.leaves, got, want)
						}
						return nil
					})
				}
			}
		}
	}
}

// TestGroupStops: if one process is asked to stop, all stop after the same step, and with another
// number of processes the run goes on to the bits of one that was not stopped.
func TestGroupStops(t *testing.T) {
	o := mini()
	o.Leaves, o.Accumulate, o.Batch, o.Steps, o.Threads = 4, 4, 1, 6, 1
	d := dataOf(t, sentences(t), o)
	whole := start(t, o, d, "")
	if _, err := whole.Train(t.Context(), Observer{}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	runs := []*Run{start(t, o, d, dir), start(t, o, d, "")}
	together(t, 2, func(g Group) error {
		r := runs[g.Rank()]
		if err := r.Share(g); err != nil {
			return err
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		end, err := r.Train(ctx, Observer{Step: func(u Update) {
			if u.Step == 3 && g.Rank() == 1 {
				stop()
			}
		}})
		if err != nil || end != Stopped || r.State.Step != 3 {
			return fmt.Errorf("%q after step %d, %v", end, r.State.Step, err)
		}
		return nil
	})
	runs[0].Close()
	again := make([]*Run, 4)
	for rank := range again {
		c, _, err := LoadNewest(dir, true)
		if err != nil {
			t.Fatal(err)
		}
		to := ""
		if rank == 0 {
			to = dir
		}
		if again[rank], err = Resume(to, c, d); err != nil {
			t.Fatal(err)
		}
		defer again[rank].Close()
	}
	together(t, 4, func(g Group) error {
		r := again[g.Rank()]
		if err := r.Share(g); err != nil {
			return err
		}
		if _, err := r.Train(t.Context(), Observer{}); err != nil {
			return err
		}
		if got, want := digest(r.State), digest(whole.State); got != want {
			return fmt.Errorf("weights and moments %.12s, those of the whole run %.12s", got, want)
		}
		return nil
	})
}

// TestGroupRefused: processes that have no whole subtree each are refused, with what would do.
func TestGroupRefused(t *testing.T) {
	for _, c := range []struct {
		leaves, size int
		want         string
	}{
		{1, 2, "2 processes cannot share an update whose leaves are 1: the number of processes may be 1; set leaves"},
		{4, 3, "may be 1, 2, 4; "},
		{12, 4, "may be 1, 3, 6, 12; "},
		{8, 16, "may be 1, 2, 4, 8; "},
		{6, 5, "may be 1, 3, 6; "},
	} {
		o := mini()
		o.Leaves, o.Accumulate = c.leaves, c.leaves
		r := start(t, o, dataOf(t, sentences(t), o), "")
		if err := r.Share(member{newRoom(c.size), 0}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d leaves, %d processes: %v", c.leaves, c.size, err)
		}
	}
}
