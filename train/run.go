package train

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/engine"
	"github.com/pedestrian-ml/pedestrian/generate"
)

// A Run is a network in training. Only one goroutine at a time may use it.
type Run struct {
	Options Options
	Network pedestrian.Config // Options.Config with the vocabulary filled in
	Data    *Data
	State   *State
	Base    *Base    // the network that it started from; nil for random weights
	Dir     string   // the directory of checkpoints and log; "" = nothing is written
	Planned []string // notes of Options.Plan: what the data changed of the options

	net     *engine.Network[float32]
	stepper stepper
	group   Group // nil in a run of one process
	grad    Weights
	sums    leafSums // with Leaves: those of other leaves
	batch   engine.Batch
	feed    feed
	draw    func(position uint64, first int, b *engine.Batch) // feed.draw; tests replace it
	log     *metricsLog
	pace    pace
	writer  *generate.Writer
	saved   *Progress // of the newest checkpoint; nil if there is none

	fs     durable.FS
	lock   io.Closer // of Dir
	pruner pruner

	back         *State // with OnSpike rewind: the state to go back to
	observer     Observer
	watch        func(engine.Place, engine.Mat[float32]) // for tests: called with each result of a pass, may change it
	beforeUpdate func()                                  // for tests: called before an update, may change its operands
}

// Start begins a run on d in the directory dir, which must not hold a run. With dir "" nothing is
// written. The caller must Close the run.
//
// Start locks dir, so that no other process writes there. Close, or the end of the process,
// releases the lock.
func Start(o Options, d *Data, dir string) (*Run, error) { return startOn(durable.OS, o, d, dir) }

func startOn(fs durable.FS, o Options, d *Data, dir string) (*Run, error) {
	if d.memory {
		o = o.withoutSources()
	}
	o = o.withDefaults(false)
	c, err := networkFor(o, d)
	if err != nil {
		return nil, err
	}
	return begin(fs, o, c, d, NewState(c, o.Seed), nil, dir)
}

// begin starts a new run with the state s in dir.
func begin(fs durable.FS, o Options, c pedestrian.Config, d *Data, s *State, b *Base, dir string) (*Run, error) {
	if dir != "" {
		in, err := durable.Enter(fs, dir)
		if err != nil {
			return nil, fmt.Errorf("making the run directory: %w", err)
		}
		entries, err := checkpoints(in, dir)
		in.Close()
		if err != nil {
			return nil, fmt.Errorf("making the run directory: %w", err)
		} else if n := len(entries); n > 0 {
			return nil, fmt.Errorf("%s holds a run of %d steps already: resume it, or choose another directory", dir, entries[n-1].Step)
		}
	}
	return newRun(fs, o, c, d, s, b, dir, nil)
}

// Resume continues the run in the directory dir from its newest checkpoint c, with the same bits
// as if it had not stopped. d must be the data that the run began with. The caller may have
// changed c.Options; then the result may differ.
func Resume(dir string, c *Checkpoint, d *Data) (*Run, error) { return resumeOn(durable.OS, dir, c, d) }

func resumeOn(fs durable.FS, dir string, c *Checkpoint, d *Data) (*Run, error) {
	if now := d.Info(); now.SHA256 != c.Data.SHA256 {
		return nil, fmt.Errorf("resuming %s: the text is not the one that the run began with: %d and %d tokens (SHA-256 %.12s) then, %d and %d (%.12s) now in %s: restore it, or begin another run",
			dir, c.Data.Train, c.Data.Val, c.Data.SHA256, now.Train, now.Val, now.SHA256, d.Source)
	}
	if o := c.Options; o.Steps == 0 || o.EvalEvery == 0 || o.Batch == 0 {
		return nil, fmt.Errorf("resuming %s: steps is %d, eval_every %d and batch %d: what was planned by the data is not 0 in a run", dir, o.Steps, o.EvalEvery, o.Batch)
	}
	if c.State.Params == nil {
		panic("train.Resume: the checkpoint of an adapter without its base: Attach it first")
	}
	return newRun(fs, c.Options, c.Network, d, c.State, c.Base, dir, c)
}

// networkFor returns the configuration of the network of o, with the vocabulary of d.
func networkFor(o Options, d *Data) (pedestrian.Config, error) {
	c := o.Config
	if err := o.Validate(); err != nil {
		return c, err
	}
	if err := o.checkIdle(); err != nil {
		return c, err
	}
	vocab := d.Tokenizer.Vocab()
	if c.Vocab == 0 {
		c.Vocab = vocab
	}
	if c.Vocab < vocab {
		return c, fmt.Errorf("vocab is %d, but the text has %d distinct tokens: leave vocab at 0", c.Vocab, vocab)
	}
	if d.Examples != nil {
		return c, o.checkDocuments(d)
	}
	return c, o.checkText(d)
}

func newRun(fs durable.FS, o Options, c pedestrian.Config, d *Data, s *State, b *Base, dir string, from *Checkpoint) (*Run, error) {
	if err := o.checkHeld(s.Params); err != nil {
		return nil, err
	}
	r := &Run{Options: o, Network: c, Data: d, State: s, Base: b, Dir: dir, fs: fs}
	if dir != "" {
		var err error
		if r.fs, err = fs.Within(dir); err != nil {
			return nil, fmt.Errorf("opening the run directory: %w", err)
		}
		if err := r.lockAndOpen(from); err != nil {
			r.fs.Close()
			return nil, err
		}
	}
	e := o.Engine()
	e.DecoderContext = generate.Context(s.Params.Config)
	r.net = engine.New(s.Params, s.Adapter, e)
	r.grad = s.Trained().zerosLike()
	r.batch = o.newBatch()
	r.feed = o.feed(d, s.Seed)
	r.draw = r.feed.draw
	r.stepper = oneProcess{r}
	r.findSnapshot()
	return r, nil
}

// Engine returns the options of the engine.
func (o Options) Engine() engine.Options {
	return engine.Options{Batch: o.Batch, Context: o.Length(), Threads: o.Threads, Dropout: o.Dropout, Seed: o.Seed, Recompute: o.Recompute,
		Accumulate: o.Accumulate > o.leaves(), Precision: engine.Precision(o.Precision)}
}

// Close ends the run: it frees memory, closes the log and releases the lock.
func (r *Run) Close() error {
	r.net.Close()
	if r.log == nil {
		return nil
	}
	return errors.Join(r.log.close(), r.lock.Close(), r.fs.Close())
}

// An End says why Train returned without an error.
type End string

const (
	Finished End = "finished" // the last step was made
	Stale    End = "stale"    // Patience evaluations without a new best
	Stopped  End = "stopped"  // the context ended; the state is saved
)

// Train makes steps until the last one, until Patience evaluations bring no new best, or until
// ctx ends, and then saves. It evaluates before the first step, every EvalEvery steps and after
// the last one. It saves every SaveEvery steps and writes samples every SampleEvery steps. It
// is an error if the run is finished and all weights are those before its first step.
//
// In a run that several processes share (Share), all of them stop if the context of one ends.
func (r *Run) Train(ctx context.Context, obs Observer) (End, error) {
	o, s := &r.Options, r.State
	r.observer = obs
	r.checkRoom(obs)
	r.pace.start(s)
	asked, stop := ctx, context.CancelCauseFunc(nil)
	if r.group != nil {
		ctx, stop = context.WithCancelCause(context.WithoutCancel(ctx))
		defer stop(nil)
	}
	for {
		last := s.Step >= o.Steps
		if (s.Step%o.EvalEvery == 0 || last) && !s.evaluated() {
			look := r.evaluate
			if !o.Validates() {
				look = r.showSample
			}
			if err := look(ctx, obs); err != nil && ctx.Err() == nil {
				return "", err
			}
		}
		if err := r.agreeToStop(asked, stop); err != nil {
			return "", err
		}
		end := End("")
		switch {
		case ctx.Err() != nil:
			end = Stopped
		case last:
			end = Finished
		case o.Patience > 0 && s.Stale >= o.Patience:
			end = Stale
		}
		if r.saveDue() {
			r.snapshot()
		}
		if end != "" || r.saveDue() {
			err := r.Save(obs)
			if err != nil {
				tell(obs.Trouble, Trouble{s.Step, err})
			}
			if err != nil && end != "" {
				err = r.Save(obs) // there is no later save that could try again
			}
			if err != nil && end != "" {
				return "", err
			}
		}
		if end == Stopped {
			return end, nil
		}
		if end != "" {
			return end, r.checkChanged()
		}
		r.pace.begin()
		u, err := r.Step(ctx)
		if err != nil && ctx.Err() != nil {
			continue
		}
		if err != nil {
			return "", err
		}
		r.pace.end(&u, s, o.Steps)
		rec := Record{Step: u.Step, Loss: &u.Loss, Rate: u.Rate, Norm: u.Norm, Scale: u.Scale,
			Tokens: u.Tokens, TokensPerSecond: u.TokensPerSecond, Seconds: s.Seconds}
		if u.Spike != nil {
			rec.Spike, rec.Action, rec.ZLoss, rec.ZNorm = u.Spike.kind(), SpikeWarn, u.Spike.ZLoss, u.Spike.ZNorm
		}
		if err := r.record(rec); err != nil {
			return "", err
		}
		tell(obs.Step, u)
	}
}

// evaluate evaluates, writes a record and calls the observer. If ctx ends it changes nothing.
func (r *Run) evaluate(ctx context.Context, obs Observer) error {
	s := r.State
	loss, err := r.Evaluate(ctx)
	if err != nil {
		return err
	}
	if !isFinite64(loss) {
		return fmt.Errorf("evaluating after step %d: the loss is %g", s.Step, loss)
	}
	best := s.addEvaluation(loss)
	r.pace.pause(s)
	e := Evaluation{Score: s.Last, Best: best, Stale: s.Stale, Elapsed: seconds(s.Seconds)}
	if err := r.record(Record{Step: s.Step, Val: &e.Loss, Best: best, Seconds: s.Seconds}); err != nil {
		return err
	}
	tell(obs.Evaluate, e)
	return r.showSample(ctx, obs)
}

// showSample generates a sample and calls the observer, if a sample is due.
func (r *Run) showSample(ctx context.Context, obs Observer) error {
	s := r.State
	if every := r.Options.SampleEvery; obs.Sample != nil && every > 0 && (s.Step%every == 0 || s.Step >= r.Options.Steps) {
		sample, err := r.sample(ctx)
		if err != nil {
			return err
		}
		obs.Sample(sample)
	}
	return nil
}

// saveDue says whether a checkpoint is due after this step.
func (r *Run) saveDue() bool {
	s := r.State
	if every := r.Options.SaveEvery; every > 0 {
		return s.Step%every == 0 || s.evaluated() && s.Stale == 0
	}
	if !r.Options.Validates() {
		return s.Step%r.Options.EvalEvery == 0
	}
	return s.evaluated()
}

func (r *Run) record(rec Record) error {
	if r.log == nil {
		return nil
	}
	return r.log.add(rec)
}

// Flush writes the lines of the log that are still in memory.
func (r *Run) Flush() error {
	if r.log == nil {
		return nil
	}
	return r.log.sync()
}

// WriteFile writes a file such as [CurveSVG] into the run's directory. It appears complete, and
// replaces a file or a link of that name. With Dir "" nothing is written.
func (r *Run) WriteFile(name string, write func(io.Writer) error) error {
	if r.Dir == "" {
		return nil
	}
	if !slices.Contains(runFiles, name) || name == MetricsFile {
		panic("train.Run.WriteFile: " + name + " is not a file that a run writes beside its checkpoints")
	}
	_, err := durable.Replace(r.fs, r.Dir, durable.File{Name: name, Write: write})
	if err == nil {
		err = r.fs.Sync(r.Dir)
	}
	return err
}
