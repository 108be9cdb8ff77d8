package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/model"
	"github.com/pedestrian-ml/pedestrian/train"
)

// tourAdapter is the adapter of the tour: two directions beside each layer of the
// MLP and beside the logits, which have to learn marks that were never read, one beside
// queries, values and the projection behind the heads; 2.13 % of the
// story network's parameters.
var tourAdapter = pedestrian.AdapterConfig{
	Rank: 1, Alpha: 2, Scaling: pedestrian.ScalePaper,
	Targets: []pedestrian.Target{pedestrian.TargetQ, pedestrian.TargetV, pedestrian.TargetAttProj, pedestrian.TargetExpand, pedestrian.TargetContract, pedestrian.TargetLogits},
	Ranks:   map[pedestrian.Target]int{pedestrian.TargetExpand: 2, pedestrian.TargetContract: 2, pedestrian.TargetLogits: 2},
}

// A half is one half of the stories, and what the tour's networks lose on it.
type half struct {
	name string
	data *train.Data

	base, adapted, merged float64
}

// runLoRA is the tour of fine-tuning.
func (t *tour) runLoRA(ctx context.Context, stderr io.Writer) error {
	o, err := train.PresetOptions("story")
	if err != nil {
		return err
	}
	o.Data, o.Threads, o.SampleEvery = train.SilentStories, t.threads, 0
	steps := 2000
	if t.steps != 0 {
		o.Steps, steps = t.steps, max(1, 2*t.steps/3)
		o.StoryChars = min(o.StoryChars, max(300_000, t.steps*o.Batch*o.Context))
		o.Warmup = min(o.Warmup, o.Steps)
		o.EvalEvery = min(o.EvalEvery, max(1, o.Steps))
	}
	if err := o.Validate(); err != nil {
		return usageError{err}
	}
	if t.out == "" {
		t.out = freeRun("tour-lora")
	} else if err := vacant(t.out); err != nil {
		return err
	}
	baseDir, adapterDir := filepath.Join(t.out, "base"), filepath.Join(t.out, "adapter")

	t.chapter(1, "A GPT learns half of the stories: those in which nobody speaks")
	silent, err := train.LoadData(o)
	if err != nil {
		return err
	}
	r, err := train.Start(o, silent, baseDir)
	if err != nil {
		return usageError{err}
	}
	if err := t.train(ctx, r); err != nil {
		return err
	}
	opened, err := openModel(ctx, baseDir, false, model.Options{}, stderr)
	if err != nil {
		return err
	}
	base := opened.Base()

	t.say("")
	t.chapter(2, "An adapter learns the other half: those in which somebody does")
	tuned := o
	tuned.Data, tuned.Steps, tuned.EvalEvery = train.SpokenStories, steps, max(1, steps/4)
	tuned.LR, tuned.Warmup, tuned.Decay = 2e-2, min(20, steps/2), 0
	tuned.Tuning = train.Tuning{Base: baseDir, Adapter: tourAdapter}
	spoken, err := train.LoadTuningData(tuned, base.Tokenizer, base.Params.Config.Vocab)
	if err != nil {
		return err
	}
	if r, err = train.Finetune(tuned, base, spoken, adapterDir); err != nil {
		return err
	}
	if err := t.train(ctx, r); err != nil {
		return err
	}
	c, _, err := train.LoadBest(adapterDir)
	if err != nil {
		return err
	}
	if err := c.Attach(base.Params); err != nil {
		return err
	}

	t.say("")
	t.chapter(3, "What either of them knows")
	merged := engine.Merge(base.Params, c.State.Adapter)
	halves := []*half{{name: "nobody speaks", data: silent}, {name: "somebody speaks", data: spoken}}
	if err := t.halves(ctx, tuned, base.Params, c.State.Adapter, merged, halves); err != nil {
		return err
	}
	t.say("\nThe adapter has %s of %s parameters, %.2f %%.\n%s\nThe base is as it was: take the adapter away, and its loss is back to the last\nbit. Merged, d·u is added to the weights once, and what remains is an ordinary\nnetwork of the same size and speed.\n",
		commas(c.State.Adapter.Count()), commas(base.Params.Count()), 100*float64(c.State.Adapter.Count())/float64(base.Params.Count()), forgotten(halves[0].base, halves[0].adapted))

	t.chapter(4, "What they tell")
	for _, m := range []struct {
		who  string
		p    *pedestrian.Params[float32]
		seed uint64
	}{{"The base:", base.Params, 4}, {"Merged:", merged, 4}} {
		t.say("%s", m.who)
		alone := &train.Checkpoint{Options: c.Options, Network: m.p.Config, Tokenizer: c.Tokenizer, State: &train.State{Params: m.p}}
		if err := t.story(ctx, alone); err != nil {
			return err
		}
	}
	t.nextLoRA(adapterDir)
	return nil
}

// forgotten says what an adapter did to what the base had learnt before.
func forgotten(before, with float64) string {
	if three(with) == three(before) || with < before {
		return "What was learnt first is told no worse with it, though no story of the first half\nwas shown to it."
	}
	return "What was learnt first is told less well with it: the directions that it turns are\nfew, and no story of the first half was shown to it."
}

// halves evaluates the base, the base with the adapter and the merged network on both
// halves, and shows it.
func (t *tour) halves(ctx context.Context, o train.Options, base *pedestrian.Params[float32], a *pedestrian.Adapter[float32], merged *pedestrian.Params[float32], halves []*half) error {
	for i, p := range []*pedestrian.Params[float32]{base, base, merged} {
		beside := a
		if i != 1 {
			beside = nil
		}
		net := engine.New(p, beside, o.Engine())
		for _, h := range halves {
			loss, err := train.Evaluate(ctx, net, o, h.data)
			if err != nil {
				net.Close()
				return err
			}
			*[]*float64{&h.base, &h.adapted, &h.merged}[i] = loss
		}
		net.Close()
	}
	w := plainTable(t.w)
	w.AppendHeader(table.Row{"stories in which", "floor", "base", "base + adapter", "merged", "with the adapter"})
	for _, h := range halves {
		floor := h.data.Info().Floor
		w.AppendRow(table.Row{h.name, three(floor), three(h.base), three(h.adapted), three(h.merged), aboveFloor(h.adapted, floor)})
	}
	w.Render()
	t.say("(nats per character; no predictor gets below the floor)")
	return nil
}

func (t *tour) nextLoRA(dir string) {
	t.say("%s", t.p.bold("Where to go from here"))
	for _, n := range [][2]string{
		{"pedestrian sample " + shellQuote(dir), "more stories, base and adapter"},
		{"pedestrian finetune openai-community/gpt2 --data FILE.jsonl", "the same beside GPT-2, with your data"},
		{"pedestrian explain 43", "the equation of the adapter, and what checks it"},
		{"pedestrian tour", "the tour of training"},
	} {
		t.say("  %-60s %s", n[0], n[1])
	}
	fmt.Fprintln(t.w)
}
