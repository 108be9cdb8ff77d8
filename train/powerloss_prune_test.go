package train

import (
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/internal/faultdisk"
)

// thirdStart is the story of a process that ends while it prunes, when old checkpoints
// have lost their names in memory but not yet on the disk, and of the one after it,
// which removes what the first one left.
func thirdStart(t *testing.T) *story {
	m := faultdisk.New()
	m.Mkdir("disk")
	m.Ops = nil
	s := newStory()
	s.base = m.Tree.Clone()
	o, d := microOptions(), microData(t)
	o.Keep = 2
	s.tell(t, m, inMemory(t, m, o, d), 4)
	last := -1
	for i, x := range s.ops {
		if x.Kind == faultdisk.Rename && strings.HasPrefix(x.To, tempPrefix) {
			last = i
		}
	}
	if last < 0 {
		t.Fatal("nothing was pruned")
	}
	ops := slices.Clone(s.ops[:last+1])
	tree := faultdisk.After(s.base, ops)
	next := m.Next
	m = faultdisk.On(tree)
	m.Ops, m.Next = ops, next
	c, err := checked(m, "disk/run")
	if err != nil || c.State.Step != 4 {
		t.Fatal(c, err)
	}
	r, err := resumeOn(m, "disk/run", c, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.net.Close() })
	s.tell(t, m, r, 2)
	return s
}
