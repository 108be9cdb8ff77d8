package train_test

import (
	"context"
	"fmt"

	"github.com/pedestrian-ml/pedestrian/train"
)

// The learning rate of ten steps: two of warm-up, then half a cosine towards 0, which
// an eleventh step would have.
func ExampleOptions_Rate() {
	o := train.Options{Schedule: train.ScheduleCosine, Steps: 10, LR: 1, MinLR: 0, Warmup: 2}
	for step := 1; step <= 10; step++ {
		fmt.Printf("%.2f ", o.Rate(step))
	}
	// Output: 0.50 1.00 0.97 0.88 0.75 0.59 0.41 0.25 0.12 0.03
}

// A run in memory: stories, a network of a few thousand parameters, forty steps.
func ExampleRun_Train() {
	o, err := train.PresetOptions("tiny")
	if err != nil {
		fmt.Println(err)
		return
	}
	o.Steps, o.StoryChars, o.Width, o.Blocks, o.EvalEvery = 40, 20_000, 16, 1, 20
	d, err := train.LoadData(o)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := train.Start(o, d, "") // "" writes nothing
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	end, err := r.Train(context.Background(), train.Observer{
		Evaluate: func(e train.Evaluation) { fmt.Printf("step %d, best so far: %v\n", e.Step, e.Best) },
	})
	fmt.Println(end, err, r.State.Best.Loss < d.Info().Uniform)
	// Output:
	// step 0, best so far: true
	// step 20, best so far: true
	// step 40, best so far: true
	// finished <nil> true
}
