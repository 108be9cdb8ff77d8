package corpus

import (
	_ "embed"
	"fmt"
	"sync"
)

//go:embed stories.grammar
var storySource string

// Dialogue selects among the built-in stories.
type Dialogue int

const (
	AnyDialogue  Dialogue = iota // every other story, at random, has people speaking
	NoDialogue                   // nobody speaks
	OnlyDialogue                 // in every story somebody speaks
)

// String names the selection.
func (d Dialogue) String() string {
	return [...]string{"stories", "stories without dialogue", "stories with dialogue"}[d]
}

// Stories returns the built-in grammar: small stories in plain English in which
// somebody has something, it changes hands, and in the end we hear who has it.
// Its text is stories.grammar, in the notation of [NewGrammar].
func Stories(d Dialogue) *Grammar { return stories[d]() }

var stories = [...]func() *Grammar{
	AnyDialogue:  builtIn("story"),
	NoDialogue:   builtIn("silent"),
	OnlyDialogue: builtIn("spoken"),
}

func builtIn(start string) func() *Grammar {
	return sync.OnceValue(func() *Grammar {
		g, err := newGrammar(storySource, start)
		if err != nil {
			panic(fmt.Sprintf("corpus.Stories: %v", err))
		}
		return g
	})
}
