package main

import (
	"fmt"
	"image/color"
	"iter"

	"github.com/guptarohit/asciigraph"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/pedestrian-ml/pedestrian/train"
)

// A curve is losses over steps.
type curve []plotter.XY

// mostValidation is the most points of a validation loss.
const mostValidation = 2000

// curvesOf are the training and the validation loss of a log, which is gone through
// twice. The training loss is averaged over as many steps as make at most points of it.
func curvesOf(log iter.Seq[train.Record], points int) (training, validation curve) {
	updates, evaluations := 0, 0
	for r := range log {
		if r.Loss != nil {
			updates++
		}
		if r.Val != nil {
			evaluations++
		}
	}
	group, n := (updates+points-1)/points, 0
	every, seen := (evaluations+mostValidation-1)/mostValidation, 0
	var sum plotter.XY
	for r := range log {
		if r.Val != nil {
			if seen++; seen%every == 0 || seen == evaluations {
				validation = append(validation, plotter.XY{X: float64(r.Step), Y: *r.Val})
			}
		}
		if r.Loss != nil {
			sum.X, sum.Y, n = sum.X+float64(r.Step), sum.Y+*r.Loss, n+1
			if n == group {
				training = append(training, plotter.XY{X: sum.X / float64(n), Y: sum.Y / float64(n)})
				sum, n = plotter.XY{}, 0
			}
		}
	}
	return training, validation
}

// readCurves are curvesOf of a run's log.
func readCurves(run string, points int) (training, validation curve, err error) {
	training, validation = curvesOf(func(yield func(train.Record) bool) {
		for r, failed := range train.Records(run) {
			if err = failed; failed != nil || !yield(r) {
				return
			}
		}
	}, points)
	return training, validation, err
}

// curveText draws the losses of a run with characters; "" when there is too little.
func curveText(r *train.Run, width int) string {
	if r.Dir == "" {
		return ""
	}
	room := max(20, width-10)
	training, _, err := readCurves(r.Dir, room)
	if err != nil || len(training) < 2 {
		return ""
	}
	series := make([]float64, len(training))
	for i, p := range training {
		series[i] = p.Y
	}
	caption := fmt.Sprintf("training loss over %s steps, nats per token", commas(r.State.Step))
	all := [][]float64{series}
	if floor := r.Data.Info().Floor; floor > 0 {
		line := make([]float64, len(series))
		for i := range line {
			line[i] = floor
		}
		all = [][]float64{line, series}
		caption += fmt.Sprintf("; the line below is the floor, %s", three(floor))
	}
	text := asciigraph.PlotMany(all, asciigraph.Height(10), asciigraph.Width(room), asciigraph.Precision(2))
	for _, line := range wrap(caption, room) {
		text += "\n       " + line
	}
	return text
}

// Colours that differ in lightness too.
var (
	trainingColor   = color.RGBA{0x2b, 0x6c, 0xb0, 0xff} // blue
	validationColor = color.RGBA{0xdd, 0x6b, 0x20, 0xff} // orange
	baselineColor   = color.RGBA{0x71, 0x80, 0x96, 0xff} // grey
	floorColor      = color.RGBA{0x1a, 0x20, 0x2c, 0xff} // near black
)

// writeCurves writes loss.svg and loss.png into the run's directory.
func writeCurves(r *train.Run) error {
	if r.Dir == "" {
		return nil
	}
	if err := r.Flush(); err != nil {
		return err
	}
	training, validation, err := readCurves(r.Dir, 400)
	if err != nil {
		return err
	}
	p, err := lossPlot(training, validation, r.Data.Info())
	if err != nil {
		return fmt.Errorf("drawing the loss curve: %w", err)
	}
	err = r.WriteFile(train.CurveSVG, p.svg)
	if err == nil {
		err = r.WriteFile(train.CurvePNG, p.png)
	}
	if err != nil {
		return fmt.Errorf("writing the loss curve: %w", err)
	}
	return nil
}

// lossPlot draws the losses of a run with the baselines of its text.
func lossPlot(training, validation curve, info train.DataInfo) (*picture, error) {
	p := plot.New()
	all := &picture{plot: p, legend: plot.NewLegend()}
	p.X.Label.Text, p.Y.Label.Text = "step", "loss, nats per token"
	first, last := 0.0, 1.0
	for _, c := range []curve{training, validation} {
		if len(c) > 0 {
			last = max(last, c[len(c)-1].X)
		}
	}
	draw := func(c curve, name string, col color.Color, width vg.Length, dashes ...vg.Length) error {
		if len(c) == 0 {
			return nil
		}
		l, err := plotter.NewLine(plotter.XYs(c))
		if err != nil {
			return err
		}
		l.Color, l.Width, l.Dashes = col, width, dashes
		p.Add(l)
		all.legend.Add(name, l)
		all.words = append(all.words, name)
		return nil
	}
	level := func(y float64, name string, col color.Color, dashes ...vg.Length) error {
		return draw(curve{{X: first, Y: y}, {X: last, Y: y}}, fmt.Sprintf("%s %s", name, three(y)), col, 1, dashes...)
	}
	for _, b := range []struct {
		name   string
		y      float64
		col    color.Color
		dashes []vg.Length
	}{
		{"uniform", info.Uniform, baselineColor, []vg.Length{1, 3}},
		{"unigram", info.Unigram, baselineColor, []vg.Length{4, 3}},
		{"bigram", info.Bigram, baselineColor, []vg.Length{8, 3}},
		{"floor", info.Floor, floorColor, nil},
	} {
		if b.y <= 0 {
			continue
		}
		if err := level(b.y, b.name, b.col, b.dashes...); err != nil {
			return nil, err
		}
	}
	if err := draw(training, "training", trainingColor, 1); err != nil {
		return nil, err
	}
	if err := draw(validation, "validation", validationColor, 2); err != nil {
		return nil, err
	}
	p.Y.Min = 0
	return all, nil
}
