package main

import (
	"bytes"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// The claims of the tour of fine-tuning, at a twentieth of its length: an adapter of 2 %
// learns the half of the stories that the base has not seen, the other half is told
// less well with it, merged weights lose what base and adapter lose, nothing is below
// its floor, the base is as it was; on one thread and on two the same.
func TestTourLoRA(t *testing.T) {
	t.Setenv("COLUMNS", "0")              // lines as they were written, not as they are folded
	threads, steps := []string{"1"}, "40" // one thread, which waits for no other
	if longTier {
		threads, steps = append(threads, "2"), "120"
	}
	var tables []string
	for _, n := range threads {
		var out, errs bytes.Buffer
		if code := run([]string{"tour", "--lora", "--steps", steps, "--threads", n, "--out", filepath.Join(t.TempDir(), "tour")}, &out, &errs); code != 0 {
			t.Fatalf("exit code %d: %s", code, errs.String())
		}
		for _, want := range []string{
			`7,796 parameters to train, 2\.13 % of the base's`, `The adapter has 7,796 of 366,816 parameters, 2\.13 %`, `checked +the base is as it was`,
			`that of the base, bit for bit`, `\nThe base:\n    \w`, `\nMerged:\n    \w`,
		} {
			if !regexp.MustCompile(want).Match(out.Bytes()) {
				t.Errorf("the tour does not say %s", want)
			}
		}
		row := func(who string) (x [4]float64) { // floor, base, base + adapter, merged
			m := regexp.MustCompile(`(?m)^` + who + ` +([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+) .*$`).FindSubmatch(out.Bytes())
			if m == nil {
				t.Fatalf("no row %q in\n%s", who, out.String())
			}
			tables = append(tables, string(m[0]))
			for i := range x {
				x[i], _ = strconv.ParseFloat(string(m[1+i]), 64)
			}
			return x
		}
		silent, spoken := row("nobody speaks"), row("somebody speaks")
		for _, x := range [][4]float64{silent, spoken} {
			if x[2] != x[3] || min(x[1], x[2]) < x[0] {
				t.Errorf("floor %g, base %g, with the adapter %g, merged %g", x[0], x[1], x[2], x[3])
			}
		}
		if learnt, forgot := spoken[2] < 0.95*spoken[1], silent[2] > silent[1]; !learnt || longTier && !forgot { // so few steps forget nothing
			t.Errorf("spoken %v, silent %v: nothing was learnt, or nothing told less well", spoken, silent)
		}
	}
	if len(tables) == 4 && (tables[0] != tables[2] || tables[1] != tables[3]) {
		t.Errorf("one thread: %q, two: %q", tables[:2], tables[2:])
	}
}
