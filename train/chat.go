package train

import (
	"cmp"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/token"
)

// Template is that of the conversations that the run was trained on; nil where there
// were none, or where a run of former times does not tell. It is an error if it was a
// file then and cannot be read now.
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

// Chat is what others have to know of a network that learnt conversations, in whose
// place tok stands for the tokenizer; nil where Template is.
func (c *Checkpoint) Chat(tok *token.Tokenizer) (*corpus.Chat, error) {
	t, err := c.Template()
	if t == nil || err != nil {
		return nil, err
	}
	chat := t.Chat(tok, c.Data.Begin, c.Options.Tuning.End)
	return &chat, nil
}
