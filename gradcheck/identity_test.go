package gradcheck

import (
	"context"
	"math"
	"strings"
	"testing"
)

// TestClaims: a claim fails on either side of zero, and on NaN.
func TestClaims(t *testing.T) {
	for _, c := range []struct {
		claim Claim
		want  bool
	}{
		{exactly("", 0), true}, {exactly("", -1), false}, {exactly("", 1e-300), false}, {exactly("", math.NaN()), false},
		{atMost("", 1, 1), true}, {atMost("", 1.1, 1), false}, {atMost("", math.NaN(), 1), false},
		{atLeast("", 1, 1), true}, {atLeast("", 0.9, 1), false}, {atLeast("", math.NaN(), 1), false},
	} {
		if c.claim.OK != c.want {
			t.Errorf("%+v: want %v", c.claim, c.want)
		}
	}
}

// TestOnlyIdentity: an identity can be had by its name, and nothing else with it.
func TestOnlyIdentity(t *testing.T) {
	c, _ := Find("relu")
	for _, l := range laws {
		r, err := Run(context.Background(), c, Options{Only: strings.ToLower(l.id)})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Identities) != 1 || r.Identities[0].ID != l.id || len(r.Parameters)+len(r.Signals)+len(r.Mutants) != 0 || !r.Pass {
			t.Errorf("%s: %d identities, %d parameters, pass %v", l.id, len(r.Identities), len(r.Parameters), r.Pass)
		}
	}
	if _, err := Run(context.Background(), c, Options{Only: "R13", Float32: func(Point) Float32Loss { return Float32Loss{} }}); err == nil {
		t.Error("an identity in float32 is not refused")
	}
}
