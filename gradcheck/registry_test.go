package gradcheck

import (
	"fmt"
	"slices"
	"testing"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// TestRegistryNamesIdentities: the identities that the registry of equations
// names are laws of this package, all of R1…R30, X1…X13 and Y1…Y18 are, and each takes
// part in some equation.
func TestRegistryNamesIdentities(t *testing.T) {
	var ids, want []string
	for _, l := range laws {
		ids = append(ids, l.id)
	}
	for i := range 30 {
		want = append(want, fmt.Sprint("R", i+1))
	}
	for i := range 13 {
		want = append(want, fmt.Sprint("X", i+1))
	}
	for i := range 18 {
		want = append(want, fmt.Sprint("Y", i+1))
	}
	if !slices.Equal(ids, want) {
		t.Errorf("laws %v, want %v", ids, want)
	}
	used := map[string]bool{}
	for _, e := range paper.Equations {
		for _, id := range e.Identities {
			used[id] = true
			if !slices.Contains(ids, id) {
				t.Errorf("equation (%s) names identity %s, which is not a law", e.Number, id)
			}
		}
	}
	for _, id := range ids {
		if !used[id] {
			t.Errorf("no equation names identity %s", id)
		}
	}
}
