package main

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/generate"
	"github.com/pedestrian-ml/pedestrian/model"
)

// A beginning is what -n texts go on from.
type beginning struct {
	prompt string // that is shown before a text
	tokens []int32
}

// templateOf is the template of conversations with m: the one that --template names, that of
// the training, or that of the tokenizer.
func (t *sampleCommand) templateOf(m *model.Model) (template *corpus.Template, err error) {
	if t.template != "" {
		template, err = corpus.LoadTemplate(t.template)
	} else if m.Checkpoint != nil {
		if template, err = m.Checkpoint.Template(); err != nil {
			err = fmt.Errorf("the template of the training: %w: say where it is with --template", err)
		}
	}
	if template == nil && err == nil {
		template, err = corpus.DefaultTemplate(m.Tokenizer)
	}
	if err != nil {
		return nil, err
	}
	t.manner = "Template " + template.Name + "."
	if c := m.Checkpoint; c != nil && c.Base == nil && !c.Imported() {
		t.manner += " It was trained on a text, not on conversations."
	}
	if stop := template.Stop(); stop != "" {
		t.Stop = append(t.Stop, stop)
	}
	return template, nil
}

// conversation is what goes before an answer of model m to --message.
func (t *sampleCommand) conversation(m *model.Model, w *generate.Writer) ([]beginning, error) {
	template, err := t.templateOf(m)
	if err != nil {
		return nil, err
	}
	ms := []corpus.Message{{Role: corpus.User, Content: t.message}}
	if t.system != "" {
		ms = append([]corpus.Message{{Role: corpus.System, Content: t.system}}, ms...)
	}
	tokens, err := w.Conversation(template, ms)
	return []beginning{{tokens: tokens}}, err
}

// beginnings are those of --prompt, or where a text begins.
func (t *sampleCommand) beginnings(w *generate.Writer) (from []beginning, err error) {
	prompts := t.prompts
	if len(prompts) == 0 {
		prompts = []string{w.DefaultPrompt()}
	}
	for _, p := range prompts {
		tokens, err := w.Encode(p)
		if err != nil {
			return nil, err
		}
		from = append(from, beginning{p, tokens})
	}
	return from, nil
}
