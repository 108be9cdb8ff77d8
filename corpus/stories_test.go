package corpus

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var everyDialogue = []Dialogue{AnyDialogue, NoDialogue, OnlyDialogue}

// TestStoryEntropy holds the computed entropy and length against the averages of
// 4,000 stories: both must lie within 4 standard errors (once in 16,000 that fails
// by chance; the seed is fixed, so it does not).
func TestStoryEntropy(t *testing.T) {
	const n = 4000
	for _, d := range everyDialogue {
		g := Stories(d)
		var nats, chars moments
		for i := range uint64(n) {
			story := g.Story(1, i)
			lp, err := g.LogProb(story)
			if err != nil {
				t.Fatal(err)
			}
			nats.add(-lp)
			chars.add(float64(len(story)))
		}
		mean, se := nats.mean()
		if math.Abs(mean-g.Entropy()) > 4*se {
			t.Errorf("%s: −ln p is %.3f ± %.3f a story, the entropy %.3f", d, mean, se, g.Entropy())
		}
		t.Logf("%s: %.3f nats a story (%.3f ± %.3f told), %.2f characters, rate %.4f", d, g.Entropy(), mean, se, g.Length(), g.Rate())
		mean, se = chars.mean()
		if math.Abs(mean-g.Length()) > 4*se {
			t.Errorf("%s: %.2f ± %.2f characters a story, the expectation is %.2f", d, mean, se, g.Length())
		}
	}
}

type moments struct{ n, sum, squares float64 }

func (m *moments) add(x float64) { m.n, m.sum, m.squares = m.n+1, m.sum+x, m.squares+x*x }

// mean returns the mean and its standard error.
func (m *moments) mean() (mean, se float64) {
	mean = m.sum / m.n
	return mean, math.Sqrt((m.squares/m.n - mean*mean) / m.n)
}

// TestDialogue checks the two halves: one speaks, the other does not, and the
// whole is a fair coin between them, so its entropy is ln 2 + the mean of theirs.
func TestDialogue(t *testing.T) {
	silent, spoken, both := Stories(NoDialogue), Stories(OnlyDialogue), Stories(AnyDialogue)
	for i := range uint64(500) {
		if s := silent.Story(3, i); strings.Contains(s, `"`) {
			t.Fatalf("somebody speaks: %s", s)
		}
		if s := spoken.Story(3, i); !strings.Contains(s, `"`) {
			t.Fatalf("nobody speaks: %s", s)
		}
		story := both.Story(3, i)
		_, errSilent := silent.Parse(story)
		_, errSpoken := spoken.Parse(story)
		if (errSilent == nil) == (errSpoken == nil) {
			t.Fatalf("in both halves or in none: %s", story)
		}
	}
	if want := math.Ln2 + (silent.Entropy()+spoken.Entropy())/2; math.Abs(both.Entropy()-want) > 1e-10 {
		t.Errorf("entropy %.12f, want %.12f", both.Entropy(), want)
	}
	if want := (silent.Length() + spoken.Length()) / 2; math.Abs(both.Length()-want) > 1e-10 {
		t.Errorf("length %.12f, want %.12f", both.Length(), want)
	}
}

// TestReadingIsParsing reads stories one character at a time, knowing where they
// begin: the product of what the predictor gives is the probability of the derivation.
func TestReadingIsParsing(t *testing.T) {
	g := Stories(AnyDialogue)
	text, r, got := g.Text(11, 10_000), g.Predictor(), 0.0
	for i := range len(text) {
		got += math.Log(r.Read(text[i]))
	}
	want, err := g.LogProb(text)
	// 10,000 logarithms of sums that are each good to some 1e-15.
	if err != nil || math.Abs(got-want) > 1e-11*math.Abs(want) {
		t.Errorf("ln p = %.10f by reading, %.10f by parsing, %v", got, want, err)
	}
}

// TestPredictorSumsToOne wakes up all over a text and checks every distribution
// on the way.
func TestPredictorSumsToOne(t *testing.T) {
	g := Stories(AnyDialogue)
	text, r := g.Text(12, 3000), g.Predictor()
	for at := 0; at+100 < len(text); at += 97 {
		r.BeginAnywhere()
		for i := at; i < at+100; i++ {
			var dist [128]float64
			r.Next(&dist)
			sum := 0.0
			for _, p := range dist {
				sum += p
			}
			p := r.Read(text[i])
			if math.Abs(sum-1) > near || math.Abs(p-dist[text[i]]) > near || p <= 0 {
				t.Fatalf("after %q: the probabilities add up to %v; read %q with %v, announced %v", text[at:i], sum, text[i], p, dist[text[i]])
			}
		}
	}
}

// TestLongest compares the bound with what is told.
func TestLongest(t *testing.T) {
	for _, d := range everyDialogue {
		g, longest := Stories(d), 0
		for i := range uint64(4000) {
			longest = max(longest, len(g.Story(8, i)))
		}
		if longest > g.Longest() || longest < g.Longest()*9/10 {
			t.Errorf("%s: the longest of 4,000 has %d characters, the bound is %d", d, longest, g.Longest())
		}
	}
	if g := mustGrammar(t, tiny); g.Longest() != len("Cy, Cy's hat! It snowed. she left.\n\n")-len("Cy, Cy's hat!")+len("Cy has a hat, Cy's hat!") {
		t.Errorf("the longest tiny story has %d characters", g.Longest())
	}
}

// TestAgreement reads stories with other eyes, by patterns: pronouns are those of
// the two who play, and the last sentence knows who has what.
func TestAgreement(t *testing.T) {
	they := map[string]string{}
	for _, r := range Stories(AnyDialogue).src.roles[:2] {
		for _, v := range r.values {
			they[v.texts[0]] = v.texts[1]
		}
	}
	pronoun := map[string]string{"she": "she", "her": "she", "he": "he", "him": "he", "his": "he", "its": "it"}
	words := regexp.MustCompile(`[A-Za-z]+`)
	taken := regexp.MustCompile(`(her|his|its) (\w+) to the`)
	end := regexp.MustCompile(`Now (\w+) has the (\w+) and is \w+\.\s*$`)
	used, owners := map[string]int{}, map[string]int{}
	for i := range uint64(2000) {
		story := Stories(AnyDialogue).Story(4, i)
		var names []string // the hero's, then the friend's
		for _, w := range words.FindAllString(story, -1) {
			if they[w] != "" && !slices.Contains(names, w) {
				names = append(names, w)
			}
		}
		if len(names) != 2 {
			t.Fatalf("%q play: %s", names, story)
		}
		hero, friend := names[0], names[1]
		for _, w := range words.FindAllString(story, -1) {
			p := pronoun[strings.ToLower(w)]
			if p != "" && p != they[hero] && p != they[friend] {
				t.Fatalf("%q refers to nobody: %s", w, story)
			}
			used[p]++
		}
		journey, last := taken.FindStringSubmatch(story), end.FindStringSubmatch(story)
		if journey == nil || last == nil {
			t.Fatalf("no journey or no end: %s", story)
		}
		owner := friend
		if strings.Contains(story, "gave it back") {
			owner = hero
		}
		if last[1] != owner || last[2] != journey[2] || pronoun[journey[1]] != they[hero] {
			t.Fatalf("%s has the %s: %s", owner, journey[2], story)
		}
		owners[strings.Join([]string{they[hero], they[owner]}, " ")]++
	}
	if len(used) != 4 || len(owners) != 9 {
		t.Errorf("pronouns %v, from whom to whom %v", used, owners)
	}
}

// TestVariety counts distinct sentences, and characters.
func TestVariety(t *testing.T) {
	sentences := map[string]bool{}
	g := Stories(AnyDialogue)
	for i := range uint64(2000) {
		for _, s := range strings.SplitAfter(strings.TrimSpace(g.Story(6, i)), ". ") {
			sentences[s] = true
		}
	}
	if len(sentences) < 5000 {
		t.Errorf("%d distinct sentences in 2,000 stories", len(sentences))
	}
	if n := len(g.Characters()); n > 60 {
		t.Errorf("%d characters", n)
	}
	t.Logf("%d distinct sentences in 2,000 stories, %d characters: %q", len(sentences), len(g.Characters()), g.Characters())
}

// TestStoriesStay fixes the text for ever: a checkpoint's data is named by seed and length.
func TestStoriesStay(t *testing.T) {
	const want = "c1893d9b241ce08d"
	sum := sha256.Sum256([]byte(Stories(AnyDialogue).Text(1, 100_000)))
	if got := hex.EncodeToString(sum[:8]); got != want {
		t.Errorf("the first 100,000 characters of seed 1 have the hash %s, want %s", got, want)
	}
	g := Stories(AnyDialogue)
	if a, b := g.Text(1, 1000), g.Text(1, 3000); !strings.HasPrefix(b, a) || len(a) < 1000 || a != g.Text(1, len(a)) {
		t.Error("a longer text does not begin with the shorter one")
	}
	if g.Story(1, 0)+g.Story(1, 1) != g.Text(1, len(g.Story(1, 0))+1) {
		t.Error("a text is not its stories")
	}
}

func BenchmarkText(b *testing.B) {
	g := Stories(AnyDialogue)
	b.SetBytes(1 << 20)
	for b.Loop() {
		g.Text(1, 1<<20)
	}
}

func BenchmarkNewGrammar(b *testing.B) {
	for b.Loop() {
		if _, err := NewGrammar(storySource); err != nil {
			b.Fatal(err)
		}
	}
}
