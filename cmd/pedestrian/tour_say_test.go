package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/train"
)

// That something is told less well is said when it is so, as far as the table shows it.
func TestForgotten(t *testing.T) {
	for _, c := range []struct {
		before, with float64
		less         bool
	}{{0.203, 0.621, true}, {0.203, 0.204, true}, {0.2031, 0.2032, false}, {2.5, 1.9, false}, {1, 1, false}} {
		if text := forgotten(c.before, c.with); strings.Contains(text, "less well") != c.less || strings.Contains(text, "no worse") == c.less {
			t.Errorf("%g and then %g: %s", c.before, c.with, text)
		}
	}
}

// What a spike is is said once, after the first; a tour tells of none that changed
// nothing, and of every one that did.
func TestSpikesAreExplainedOnce(t *testing.T) {
	const about = "a spike: a loss or gradient far above the last 128 steps'; a few are normal"
	warn, skip := train.Spike{Step: 200, Action: train.SpikeWarn, ZLoss: 7}, train.Spike{Step: 201, Action: train.SpikeSkip, ZLoss: 9}
	for _, tour := range []bool{false, true} {
		var out bytes.Buffer
		s := newTextScreen(&out, aRun(t, t.TempDir()))
		s.tour = tour
		for range 5 {
			s.spike(warn)
		}
		if tour && out.Len() > 0 {
			t.Errorf("the tour tells: %s", out.String())
		}
		s.spike(skip)
		text := strings.Join(strings.Fields(out.String()), " ")
		if strings.Count(text, about) != 1 || !strings.Contains(text, "batch 0 was passed over") {
			t.Errorf("tour %v: %s", tour, text)
		}
	}
}
