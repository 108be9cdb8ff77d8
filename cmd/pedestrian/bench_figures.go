package main

import (
	"encoding/json"
	"fmt"
	"slices"
)

// figures are what a case gave; zeros are not measured.
type figures struct {
	Name         string             `json:"name"`
	MS           []float64          `json:"ms"`                     // of each repetition
	PredictedMS  float64            `json:"predicted_ms,omitempty"` // by a model of the case
	AloneMS      float64            `json:"alone_ms,omitempty"`     // what one rank takes by itself, with the cores of all ranks of its machine
	Efficiency   float64            `json:"efficiency,omitempty"`   // what each rank would take if ranks cost nothing, over what it takes
	Note         string             `json:"note,omitempty"`
	Tokens       int                `json:"tokens,omitempty"`
	Flop         float64            `json:"flop,omitempty"`     // operations of a repetition
	Bytes        float64            `json:"bytes,omitempty"`    // that a repetition moves
	Elements     int                `json:"elements,omitempty"` // of a repetition
	TokensPerS   float64            `json:"tokens_per_s,omitempty"`
	GFLOPS       float64            `json:"gflop_per_s,omitempty"`
	OfPeak       float64            `json:"of_peak,omitempty"`   // fraction of the precision's peak, measured in between
	OfKernel     float64            `json:"of_kernel,omitempty"` // fraction of the rate of its kernel alone, measured in between
	GBPerS       float64            `json:"gb_per_s,omitempty"`
	OfBandwidth  float64            `json:"of_bandwidth,omitempty"`
	NsPerElement float64            `json:"ns_per_element,omitempty"`
	PeakMiB      float64            `json:"peak_mib,omitempty"`
	PlannedMiB   float64            `json:"planned_mib,omitempty"` // of a step, beside parameters, gradients and moments
	Phases       map[string]float64 `json:"phases,omitempty"`      // median milliseconds
	PhaseGFLOPS  map[string]float64 `json:"phase_gflop_per_s,omitempty"`
	PhaseGBPerS  map[string]float64 `json:"phase_gb_per_s,omitempty"`

	PhaseOfCopying map[string]float64 `json:"phase_of_copying,omitempty"`

	SToTarget []*float64 `json:"s_to_target,omitempty"`
	ValLoss   []float64  `json:"val_loss,omitempty"`
}

// derive computes rates from the median.
func (r *figures) derive() {
	s := median(r.MS) / 1e3
	if s == 0 {
		return
	}
	r.TokensPerS, r.GFLOPS, r.GBPerS = float64(r.Tokens)/s, r.Flop/s/1e9, r.Bytes/s/1e9
	if r.Elements > 0 {
		r.NsPerElement = s * 1e9 / float64(r.Elements)
	}
}

func (b *bench) print(r *figures) error {
	if b.json {
		line, err := json.Marshal(r)
		if err == nil {
			_, err = fmt.Fprintf(b.out, "%s\n", line)
		}
		return err
	}
	line := fmt.Sprintf("%-34s %10.3f ms", r.Name, median(r.MS))
	for _, f := range []struct {
		value float64
		form  string
	}{
		{r.PredictedMS, "%10.3f ms predicted"}, {r.AloneMS, "%10.3f ms alone"}, {100 * r.Efficiency, "%5.1f %% efficiency"}, {r.TokensPerS, "%8.0f tokens/s"}, {r.GFLOPS, "%8.1f GFLOP/s"}, {100 * r.OfPeak, "%5.1f %% of peak"}, {100 * r.OfKernel, "%5.1f %% of kernel"},
		{r.GBPerS, "%7.1f GB/s"}, {100 * r.OfBandwidth, "%5.1f %% of bandwidth"},
		{r.NsPerElement, "%7.3f ns an element"}, {r.PeakMiB, "%7.0f MiB"}, {r.PlannedMiB, "%7.0f MiB planned"},
	} {
		if f.value > 0 {
			line += "  " + fmt.Sprintf(f.form, f.value)
		}
	}
	if r.Note != "" {
		line += "  (" + r.Note + ")"
	}
	fmt.Fprintln(b.out, line)
	for _, name := range phaseNames {
		if ms, ok := r.Phases[name]; ok {
			line := fmt.Sprintf("    %-30s %10.3f ms  %5.1f %% of the time", name, ms, 100*ms/median(r.MS))
			if rate := r.PhaseGFLOPS[name]; rate > 0 {
				line += fmt.Sprintf("  %8.1f GFLOP/s  %5.1f %% of peak", rate, 100*r.OfPeak*rate/r.GFLOPS)
			}
			if rate := r.PhaseGBPerS[name]; rate > 0 {
				line += fmt.Sprintf("  %8.1f GB/s     %5.1f %% of copying's", rate, 100*r.PhaseOfCopying[name])
			}
			fmt.Fprintln(b.out, line)
		}
	}
	for i, v := range r.ValLoss {
		target := "not reached"
		if s := r.SToTarget[i]; s != nil {
			target = fmt.Sprintf("reached after %.1f s", *s)
		}
		fmt.Fprintf(b.out, "    validation loss %.4f; %.2f %s\n", v, charTarget, target)
	}
	return nil
}

// median of x; 0 of nothing.
func median(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	x = slices.Sorted(slices.Values(x))
	return (x[len(x)/2] + x[(len(x)-1)/2]) / 2
}
