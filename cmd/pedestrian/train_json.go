package main

import (
	"encoding/json"
	"io"

	"github.com/pedestrian-ml/pedestrian/train"
)

// A jsonScreen writes one JSON object a line.
type jsonScreen struct {
	r *train.Run
	e *json.Encoder
}

func newJSONScreen(w io.Writer, r *train.Run) *jsonScreen {
	e := json.NewEncoder(verbatim(w))
	e.SetEscapeHTML(false)
	return &jsonScreen{r, e}
}

// put writes an event. A reader that has gone away does not stop the run.
func (s *jsonScreen) put(event string, fields map[string]any) {
	fields["event"] = event
	s.e.Encode(fields)
}

func (s *jsonScreen) plan() {
	fields := map[string]any{"options": s.r.Options, "network": s.r.Network, "data": s.r.Data.Info(), "dir": s.r.Dir,
		"base": s.r.Base, "planned": s.r.Planned, "trainable": s.r.State.Trained().Count(), "documents": s.r.Data.Report, "warnings": s.r.Data.Warnings,
		"parameters": s.r.Network.Ledger().Total(), "impotent_key_biases": s.r.Network.KeyBiasesWithoutGradient(), "step": s.r.State.Step}
	if m, err := memoryNeeded(s.r.Options, s.r.Network, s.r.State.Params.Bytes(), ranksOfRun()); err == nil {
		fields["memory_bytes"] = m.total()
	}
	s.put("plan", fields)
}

func (s *jsonScreen) observer() train.Observer {
	return train.Observer{
		Step: func(u train.Update) {
			s.put("step", map[string]any{"step": u.Step, "loss": u.Loss, "lr": u.Rate, "grad_norm": u.Norm, "clip_scale": u.Scale,
				"tokens": u.Tokens, "tokens_per_s": u.TokensPerSecond, "seconds": u.Elapsed.Seconds(), "eta_seconds": u.Left.Seconds()})
		},
		Evaluate: func(e train.Evaluation) {
			s.put("evaluation", map[string]any{"step": e.Step, "val": e.Loss, "best": e.Best, "stale": e.Stale, "seconds": e.Elapsed.Seconds()})
		},
		Sample: func(t train.Sample) {
			s.put("sample", map[string]any{"step": t.Step, "prompt": t.Prompt, "text": t.Text})
		},
		Spike: func(v train.Spike) {
			fields := map[string]any{"step": v.Step, "position": v.Position, "action": v.Action, "text": v.String()}
			if v.Action == train.SpikeRewind {
				fields["to"] = v.To
			}
			s.put("spike", fields)
		},
		Save: func(v train.Saved) { s.put("save", map[string]any{"step": v.Step, "dir": v.Dir}) },
		Trouble: func(t train.Trouble) {
			s.put("trouble", map[string]any{"step": t.Step, "error": oneLine(t.Err)})
		},
	}
}

func (s *jsonScreen) stopping() {}
func (s *jsonScreen) clear()    {}

func (s *jsonScreen) end(end train.End, audit *train.Audit) {
	if audit != nil {
		s.put("audit", map[string]any{"audit": audit, "failed": audit.Failed()})
	}
	s.put("end", map[string]any{"why": end, "progress": s.r.State.Progress, "dir": s.r.Dir})
}

// writeLine writes v as JSON on one line.
func writeLine(w io.Writer, v any) error {
	e := json.NewEncoder(verbatim(w))
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
