package train

import (
	"cmp"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/token"
)

// Template returns the template of the conversations that the run was trained on. It is nil if
// there were none, or if the run is too old to have recorded it. It is an error if the
// template was a file that cannot be read now.
func (c *Checkpoint) Template() (*corpus.Template, error) {
	name := c.Options.Tuning.Template
	switch {
	case c.Data.Template != "":
		t, err := corpus.ParseTemplate(c.Data.Template)
		if err == nil {
			t.Name = cmp.Or(name, "of the training")
		}
		return t, err
	case name != "":
		return corpus.LoadTemplate(name)
	}
	return nil, nil
}

// Chat returns what an export of a network trained on conversations must say about them; tok
// is the exported tokenizer. It is nil if Template is.
func (c *Checkpoint) Chat(tok *token.Tokenizer) (*corpus.Chat, error) {
	t, err := c.Template()
	if t == nil || err != nil {
		return nil, err
	}
	chat := t.Chat(tok, c.Data.Begin, c.Options.Tuning.End)
	return &chat, nil
}
