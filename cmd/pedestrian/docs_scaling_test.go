package main

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
)

// TestScalingTable computes the table of docs/11-many-machines.md for 8 to 512 nodes, by the
// formula above it and with the numbers that stand there.
func TestScalingTable(t *testing.T) {
	page := chapters(t)["11-many-machines.md"]
	const perToken, node, memory, latency = 774e6, 3.5e12, 40e9, 50e-6
	parameters := float64(benchGPT2.Ledger().Total())
	rows := 0
	for nodes := 8; nodes <= 512; nodes *= 2 {
		r := float64(nodes)
		working := func(tokens float64) float64 { return tokens*perToken/node + 32*parameters/memory/r }
		var shares [2][]string
		for i, tokens := range []float64{1 << 19 / r, 8192} { // a node's
			for _, bandwidth := range []float64{1.1e9, 2.8e9, 10e9} {
				sending := 2*(1-1/r)*4*parameters/bandwidth + 2*math.Log2(r)*latency
				shares[i] = append(shares[i], fmt.Sprintf("%.0f %%", 100*working(tokens)/(working(tokens)+sending)))
			}
		}
		want := fmt.Sprintf("| %d | %s | %.2f | %s | %.2f M | %s |", nodes, commas(1<<19/nodes), working(1<<19/r),
			strings.Join(shares[0], " | "), r*8192/1e6, strings.Join(shares[1], " | "))
		if !strings.Contains(page, want+"\n") {
			t.Errorf("the table has no row %s", want)
		}
		rows++
	}
	if found := regexp.MustCompile(`(?m)^\| \d+ \| [\d,]+ \| [\d.]+ \| `).FindAllString(page, -1); len(found) != rows {
		t.Errorf("%d rows, want %d", len(found), rows)
	}
}
