package corpus_test

import (
	"fmt"
	"strings"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/token"
)

func ExampleStories() {
	g := corpus.Stories(corpus.AnyDialogue)
	for _, sentence := range strings.SplitAfter(strings.TrimSpace(g.Story(1, 1)), ". ") {
		fmt.Println(strings.TrimSpace(sentence))
	}
	fmt.Printf("%.2f nats a story, %.2f characters, %.4f nats a character\n", g.Entropy(), g.Length(), g.Rate())
	// Output:
	// Once a calm, bold boy named Jack had a green coat.
	// One cold winter he carried his coat to the green wood.
	// There stood Quill the duck, pale and alone.
	// "Oh what luck," it hummed.
	// "Take it!" So he traded it for a wooden pie.
	// Now Quill has the coat and is well.
	// 50.30 nats a story, 254.65 characters, 0.1975 nats a character
}

// A grammar that tells four stories: who it is costs ln 2, what is done 3/4 ln 4/3
// + 1/4 ln 4, and the pronoun nothing. The separator is part of a story.
func ExampleNewGrammar() {
	g, err := corpus.NewGrammar(`
role who name they
	Ann | she
	Bob | he
rule story
	{who} sat. {who.They} [did].
words did: 3 * sang, slept
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%q\n", g.Story(1, 0))
	fmt.Printf("%.6f nats, %.3f characters\n", g.Entropy(), g.Length())
	steps, _ := g.Parse("Bob sat. He slept.")
	for _, s := range steps {
		fmt.Println(s)
	}
	_, err = corpus.NewGrammar("rule story\n\tthe [a] end\nrule a\n\tvery\n\t[b]ry\nwords b: ve, mer")
	fmt.Println(err)
	// Output:
	// "Bob sat. He slept.\n\n"
	// 1.255482 nats, 19.750 characters
	// {who.name Bob 0.5}
	// {did 2 of 2 0.25}
	// read the grammar: two derivations tell the same text: "very", then " end\n\n"
}

// What the ideal reader expects, letter by letter.
func ExamplePredictor() {
	r := corpus.Stories(corpus.AnyDialogue).Predictor()
	for _, c := range []byte("Once a shy, loyal ") {
		r.Read(c)
	}
	var next [128]float64
	r.Next(&next)
	for c, p := range next {
		if p > 0 {
			fmt.Printf("%c %.2f ", c, p)
		}
	}
	// Output:
	// b 0.30 f 0.10 g 0.40 h 0.10 m 0.10
}

// A run on the stories, held against its floor: windows that begin where stories
// begin, in a context that holds the longest.
func ExampleGrammar_Floor() {
	g := corpus.Stories(corpus.AnyDialogue)
	train, val, err := corpus.Split(g.Text(1, 200_000), 0.1, corpus.AlignParagraph)
	if err != nil {
		fmt.Println(err)
		return
	}
	tok, err := token.NewChars(train)
	if err != nil {
		fmt.Println(err)
		return
	}
	a, _ := tok.Encode(train)
	b, _ := tok.Encode(val)
	blank, _ := tok.Encode("\n\n")

	const B, T = 4, 320
	tokens, targets := make([]int32, B*T), make([]int32, B*T)
	windows := corpus.NewWindowsAt(a, corpus.Starts(a, blank), 1)
	windows.Batch(0, 0, B, T, tokens, targets) // step 0
	fmt.Printf("row 0 begins %q\n", tok.Decode(tokens[:20]))

	sweep := corpus.NewSweepAt(b, corpus.Starts(b, blank), T)
	floor, err := g.Floor(val, sweep)
	fmt.Printf("%d windows, floor %.4f, %v\n", sweep.Windows(), floor, err)
	anywhere, err := g.Floor(val, corpus.NewSweep(b, T))
	fmt.Printf("windows that begin anywhere: floor %.4f, %v\n", anywhere, err)
	base := corpus.Baseline(a, b, tok.Vocab())
	fmt.Printf("uniform %.2f unigram %.2f bigram %.2f\n", base.Uniform, base.Unigram, base.Bigram)
	// Output:
	// row 0 begins "\nOnce a clever, ster"
	// 79 windows, floor 0.1973, <nil>
	// windows that begin anywhere: floor 0.2211, <nil>
	// uniform 4.06 unigram 3.04 bigram 2.17
}
