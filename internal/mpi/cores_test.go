package mpi

import "testing"

func TestShareCores(t *testing.T) {
	all := set{0xff, 0}
	for name, c := range map[string]struct {
		of                  []set
		me                  int
		mine, bound, usable int
		warns               bool
	}{
		"one rank, free":                  {[]set{all}, 0, 8, 8, 8, false},
		"two ranks, free":                 {[]set{all, all}, 1, 4, 8, 8, false},
		"three ranks, free":               {[]set{all, all, all}, 0, 2, 8, 8, false},
		"nine ranks on eight cores":       {[]set{all, all, all, all, all, all, all, all, all}, 8, 1, 8, 8, false},
		"one rank bound to one core":      {[]set{{1, 0}}, 0, 1, 1, 8, true},
		"two ranks, each on its own core": {[]set{{1, 0}, {2, 0}}, 1, 1, 2, 8, true},
		"two ranks, half each":            {[]set{{0x0f, 0}, {0xf0, 0}}, 0, 4, 8, 8, false},
	} {
		got := shareCores(c.of, c.me, all)
		if got.Mine != c.mine || got.Bound != c.bound || got.Usable != c.usable || got.Ranks != len(c.of) || got.Warning(MPICH) != "" != c.warns {
			t.Errorf("%s: %+v, warning %q", name, got, got.Warning(MPICH))
		}
	}
	c := Cores{Host: "node7", Ranks: 1, Mine: 1, Bound: 1, Usable: 8}
	const want = "the 1 rank of node7 may use 1 of its 8 cores: start with --map-by ppr:1:node --bind-to none"
	if got := c.Warning(OpenMPI); got != want {
		t.Errorf("%q", got)
	}
}
