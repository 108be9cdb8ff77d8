package corpus

import (
	_ "embed"
	"fmt"
	"sync"
)

//go:embed stories.grammar
var storySource string

// A Dialogue chooses among the built-in stories by whether people speak.
type Dialogue int

const (
	AnyDialogue  Dialogue = iota // people speak in half of the stories, at random
	NoDialogue                   // nobody speaks
	OnlyDialogue                 // somebody speaks in every story
)

// String describes the stories.
func (d Dialogue) String() string {
	return [...]string{"stories", "stories without dialogue", "stories with dialogue"}[d]
}

// Stories returns the built-in grammar of small stories in plain English. In each, somebody
// has something, it changes hands, and the end says who has it. Its source is
// stories.grammar, in the notation of [NewGrammar].
func Stories(d Dialogue) *Grammar { return stories[d]() }

var stories = [...]func() *Grammar{
	AnyDialogue:  compileStories("story"),
	NoDialogue:   compileStories("silent"),
	OnlyDialogue: compileStories("spoken"),
}

func compileStories(start string) func() *Grammar {
	return sync.OnceValue(func() *Grammar {
		g, err := newGrammar(storySource, start)
		if err != nil {
			panic(fmt.Sprintf("corpus.Stories: %v", err))
		}
		return g
	})
}
