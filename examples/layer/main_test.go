package main

import (
	"testing"

	"github.com/pedestrian-ml/pedestrian/gradcheck"
)

func TestCheck(t *testing.T) {
	entries := 0
	check(func(name string, c gradcheck.Comparison) {
		entries += c.Entries
		if !c.OK {
			t.Errorf("%s: %+v", name, c)
		}
	})
	if entries != 4*3+1+3+3 {
		t.Errorf("%d entries were compared", entries)
	}
}
