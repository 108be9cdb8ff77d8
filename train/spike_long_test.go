//go:build long

package train

import "testing"

func TestTwentySeedsRecover(t *testing.T) { spikesRecover(t, 20) }

// How often a step of a sound run is taken for a spike, and how often it would be found
// if its loss or its gradient were larger.
func TestFalseAlarms(t *testing.T) {
	const (
		mostFalse = 0.002 // of the steps; 0.0009 were measured
		wild      = 1000  // always found
	)
	short := mini()
	short.Preset, short.Steps, short.Batch, short.LR, short.MinLR, short.Clip, short.EvalEvery = "mini", 300, 8, 5e-3, 0, 1, 300
	tiny, _ := PresetOptions("tiny")
	paper, _ := PresetOptions("paper")
	steps, alarms := 0, 0
	for _, c := range []struct {
		o     Options
		seeds uint64
	}{{short, 40}, {tiny, 10}, {paper, 3}} {
		o := c.o
		o.EvalEvery, o.SampleEvery = o.Steps, 0
		var d *Data
		if o.Preset == "mini" {
			d = dataOf(t, sentences(t), o)
		} else {
			var err error
			if d, err = LoadData(o); err != nil {
				t.Fatal(err)
			}
		}
		judged, found, worst, times := 0, 0, 0.0, map[float64]int{}
		for seed := range c.seeds {
			o.Seed = seed + 1
			r := start(t, o, d, "")
			var w Window
			if _, err := r.Train(t.Context(), Observer{Step: func(u Update) {
				if w.Count >= spikeWindow {
					judged++
					_, z := w.zScores(u.Loss, u.Norm)
					worst = max(worst, z)
					for _, by := range []float64{3, 10, 30, wild} {
						if _, z := w.zScores(u.Loss, by*u.Norm); z > spikeSigmas {
							times[by]++
						}
					}
				}
				if u.Spike != nil {
					found++
				}
				w.add(u.Loss, u.Norm)
			}}); err != nil {
				t.Fatal(err)
			}
			r.Close()
		}
		t.Logf("%s: %d of %d steps are spikes, the largest gradient norm at %.1f σ; of norms 3, 10 and 30 times as large %.1f, %.1f and %.1f %% are",
			o.Preset, found, judged, worst, 100*float64(times[3])/float64(judged), 100*float64(times[10])/float64(judged), 100*float64(times[30])/float64(judged))
		if times[wild] != judged {
			t.Errorf("%s: of %d norms %d times as large %d are spikes", o.Preset, judged, wild, times[wild])
		}
		steps, alarms = steps+judged, alarms+found
	}
	if float64(alarms) > mostFalse*float64(steps) {
		t.Errorf("%d of %d steps are spikes", alarms, steps)
	}
}
