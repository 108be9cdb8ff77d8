package main

import (
	"context"
	"fmt"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/train"
)

// A writing writes one text, on its own or after something.
type writing func(ctx context.Context, s train.Sampling, emit func(string)) (train.Text, error)

// answer is the writing that answers --message, of the model m.
func (t *sampleCommand) answer(m *model, w *train.Writer) (writing, error) {
	name := t.template
	if name == "" && m.Checkpoint != nil {
		name = m.Checkpoint.Options.Tuning.Template
	}
	var template *corpus.Template
	var err error
	if name == "" {
		template, err = corpus.DefaultTemplate(m.Tokenizer)
	} else if template, err = corpus.LoadTemplate(name); err != nil && t.template == "" {
		err = fmt.Errorf("the template of the training: %w: say where it is with --template", err)
	}
	if err != nil {
		return nil, err
	}
	t.manner = "Template " + template.Name + "."
	if c := m.Checkpoint; c != nil && c.Base == nil && !imported(c) {
		t.manner += " It was trained on a text, not on conversations."
	}
	ms := []corpus.Message{{Role: corpus.User, Content: t.message}}
	if t.system != "" {
		ms = append([]corpus.Message{{Role: corpus.System, Content: t.system}}, ms...)
	}
	if err := w.CheckAnswer(template, ms); err != nil {
		return nil, err
	}
	return func(ctx context.Context, s train.Sampling, emit func(string)) (train.Text, error) {
		return w.Answer(ctx, template, ms, s, emit)
	}, nil
}

// goOn is the writing that goes on from --prompt, or from where a text begins.
func (t *sampleCommand) goOn(w *train.Writer, prompted bool) (writing, error) {
	if !prompted {
		t.prompt = w.Prompt()
	}
	if err := w.Check(t.prompt); err != nil {
		return nil, err
	}
	return func(ctx context.Context, s train.Sampling, emit func(string)) (train.Text, error) {
		return w.Write(ctx, t.prompt, s, emit)
	}, nil
}
