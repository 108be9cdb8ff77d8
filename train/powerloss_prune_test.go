package train

import (
	"slices"
	"strings"
	"testing"
)

// thirdStart is the story of a process that ends while it prunes, when old checkpoints
// have lost their names in memory but not yet on the disk, and of the one after it,
// which removes what the first one left.
func thirdStart(t *testing.T, mutant func(*memFS) fileSystem) *story {
	m := newMemFS()
	m.Mkdir("disk")
	m.ops = nil
	s := newStory()
	s.base = m.tree.clone()
	o, d := microOptions(), microData(t)
	o.Keep = 2
	s.tell(t, m, m, inMemory(t, m, o, d), 4)
	last := -1
	for i, x := range s.ops {
		if x.kind == opRename && strings.HasPrefix(x.to, tempPrefix) {
			last = i
		}
	}
	if last < 0 {
		t.Fatal("nothing was pruned")
	}
	ops := slices.Clone(s.ops[:last+1])
	tree := s.base.clone()
	for _, x := range ops {
		tree.apply(x)
	}
	next := m.next
	m = on(tree)
	m.ops, m.next = ops, next
	fs := mutant(m)
	c, err := checked(fs, "disk/run")
	if err != nil || c.State.Step != 4 {
		t.Fatal(c, err)
	}
	r, err := resumeOn(fs, "disk/run", c, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.net.Close() })
	s.tell(t, m, fs, r, 2)
	return s
}
