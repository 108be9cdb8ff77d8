package gradcheck

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"sync"
)

// A Hunter makes hunts and keeps what they share: the differences of a case serve every bug of
// its backward pass. The zero Hunter is ready; it may be used by several goroutines.
type Hunter struct {
	mu    sync.Mutex
	hosts hosts
	kept  []*Hunt // the newest at the end
}

// maxHunts is how many hunts a Hunter keeps.
const maxHunts = 8

// Hunt is [NewHunt], made once.
func (k *Hunter) Hunt(ctx context.Context, n int) (*Hunt, error) {
	if n < 1 || n > len(bugs) {
		return nil, fmt.Errorf("there is no bug %d: they are numbered from 1 to %d", n, len(bugs))
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, h := range k.kept {
		if h.Number == n {
			k.kept = append(slices.Delete(k.kept, i, i+1), h)
			return h, nil
		}
	}
	if k.hosts == nil {
		k.hosts = hosts{}
	}
	host, err := k.hosts.of(ctx, bugs[n-1].host, Options{Seed: 1, Step: DefaultStep, Entries: 1})
	if err != nil {
		return nil, err
	}
	h, err := host.hunt(ctx, n)
	if err != nil {
		return nil, err
	}
	if k.kept = append(k.kept, h); len(k.kept) > maxHunts {
		k.kept = slices.Delete(k.kept, 0, 1)
	}
	return h, nil
}

// Mutant is the bug by its name, and which rows and identities noticed it.
func (h *Hunt) Mutant() Mutant { return h.mutant }

// A Joined is a row of verify that several heads, blocks or sequences have: the first of them
// that fails, or the first.
type Joined struct {
	Row
	Places int // how many there are
	Failed int // that do not hold
}

// headOf is the part of a row's name that says which head it is of.
var headOf = regexp.MustCompile(` (head|kv) \d+`)

// Join joins the rows of one name, in the order in which they come. Where there are several,
// the name leaves the head out.
func Join(rows []Row) (all []Joined) {
	index := map[string]int{}
	for _, r := range rows {
		name := headOf.ReplaceAllString(r.Name, "")
		k, seen := index[name]
		if !seen {
			k = len(all)
			index[name] = k
			all = append(all, Joined{Row: r})
		}
		j := &all[k]
		if j.Places++; !r.OK {
			if j.Failed++; j.OK {
				j.Row = r
			}
		}
	}
	for i := range all {
		if all[i].Places > 1 {
			all[i].Name = headOf.ReplaceAllString(all[i].Name, "")
		}
	}
	return all
}
