package main

import (
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pedestrian-ml/pedestrian/corpus"
	"github.com/pedestrian-ml/pedestrian/train"
)

// A screen shows a run: as text or as JSON.
type screen interface {
	plan()                    // before the first step
	observer() train.Observer // during the run
	stopping()                // when Ctrl-C came; called from another goroutine
	clear()                   // takes a line away that is still moving

	// end comes after the last step, with the curves written; of an adapter, with what
	// was checked.
	end(train.End, *train.Audit)
}

// A textScreen writes lines; on a terminal, the last one moves.
type textScreen struct {
	w        io.Writer
	p        painter
	r        *train.Run
	moving   bool // the screen is a terminal
	width    int
	lineEach int    // steps between lines, in a pipe
	val      string // loss of the last evaluation
	loss     string // a sentence about that of the last step

	mu    sync.Mutex // stopping comes from another goroutine
	shown bool       // a moving line is on the screen
	last  time.Time  // when it was drawn
	saved string
	warns int  // spikes that changed nothing
	told  bool // what a spike is
	tour  bool // a first run is shown, in which spikes that change nothing only distract
}

func newTextScreen(w io.Writer, r *train.Run) *textScreen {
	return &textScreen{w: w, p: newPainter(w), r: r, moving: isTerminal(w), width: terminalWidth(w), lineEach: max(1, r.Options.Steps/20)}
}

// three is x with three significant digits.
func three(x float64) string {
	s := strconv.FormatFloat(x, 'g', 3, 64)
	if a := math.Abs(x); a >= 0.001 && a < 999.5 {
		s = fmt.Sprintf("%#.3g", x)
	}
	return strings.TrimSuffix(s, ".")
}

// short is n with a k, M or G when it is large.
func short(n float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e9, " G"}, {1e6, " M"}, {1e4, "k"}} {
		if n >= unit.size {
			if unit.name == "k" {
				return three(n/1e3) + "k"
			}
			return three(n/unit.size) + unit.name
		}
	}
	return strconv.FormatFloat(math.Round(n), 'f', -1, 64)
}

// mebibytes is a number of bytes in MiB or GiB.
func mebibytes(n int64) string {
	if n >= 10<<30 {
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

// clock is d as minutes and seconds, or hours.
func clock(d time.Duration) string {
	s := int(d.Seconds() + 0.5)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

func (s *textScreen) observer() train.Observer {
	return train.Observer{Step: s.step, Evaluate: s.evaluate, Sample: s.sample, Trouble: s.trouble, Spike: s.spike, Save: func(v train.Saved) { s.saved = v.Dir }}
}

// shownWarnings is how many spikes are told that changed nothing: a run of thousands of
// steps meets some whatever it does. The log has all of them.
const shownWarnings = 3

func (s *textScreen) spike(v train.Spike) {
	if v.Action != train.SpikeSkip && v.Action != train.SpikeRewind && v.Cause == nil {
		switch s.warns++; {
		case s.tour:
			return
		case s.warns == shownWarnings+1 && s.r.Dir != "":
			s.line("more spikes are in %s", filepath.Join(s.r.Dir, train.MetricsFile))
			return
		case s.warns > shownWarnings:
			return
		}
	}
	s.line("%s", v)
	if !s.told && v.Cause == nil {
		s.told = true
		s.line("%s", s.p.dim("a spike: a loss or gradient far above the last 128 steps'; a few are normal"))
	}
}

func (s *textScreen) trouble(t train.Trouble) {
	s.line("%s  %s", s.heading(t.Step), s.p.bad("trouble: "+oneLine(t.Err)))
}

// heading is how lines about a step begin.
func (s *textScreen) heading(step int) string {
	of := commas(s.r.Options.Steps)
	return fmt.Sprintf("step %*s/%s", len(of), commas(step), of)
}

func (s *textScreen) step(u train.Update) {
	parts := []string{s.heading(u.Step), "loss " + three(u.Loss), s.val, fmt.Sprintf("rate %.2g", u.Rate),
		"|grad| " + three(u.Norm), short(u.TokensPerSecond) + " tok/s", "eta " + clock(u.Left)}
	line := joinParts(parts)
	for _, i := range []int{3, 4, 5, 2} { // what a narrow screen does without, in this order; never the time that is left
		if len([]rune(line)) > s.width-1 {
			parts[i] = ""
			line = joinParts(parts)
		}
	}
	s.loss = fmt.Sprintf("Training loss %s at step %s, ", s.p.good(fmt.Sprintf("%.4f", u.Loss)), commas(u.Step))
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.moving {
		if u.Step%s.lineEach == 0 || u.Step == 1 {
			fmt.Fprintln(s.w, line)
		}
		return
	}
	if time.Since(s.last) < 100*time.Millisecond {
		return
	}
	s.last, s.shown = time.Now(), true
	if r := []rune(line); len(r) > s.width-1 {
		line = string(r[:max(0, s.width-1)])
	}
	fmt.Fprint(s.w, "\r\x1b[K", line)
}

// joinParts is a line of the parts that there are.
func joinParts(parts []string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(parts), func(p string) bool { return p == "" }), "  ")
}

// clear takes the moving line away. The caller does not hold mu.
func (s *textScreen) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
}

func (s *textScreen) erase() {
	if s.shown {
		fmt.Fprint(s.w, "\r\x1b[K")
		s.shown = false
	}
}

// line writes a line that stays.
func (s *textScreen) line(format string, args ...any) {
	s.put(s.fold(fmt.Sprintf(format, args...), 4))
}

// put writes text that stays.
func (s *textScreen) put(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	fmt.Fprintln(s.w, text)
}

// fold is text that a terminal would break within a word, broken between words; what
// goes on stands under column hang.
func (s *textScreen) fold(text string, hang int) string {
	if !s.moving {
		return text
	}
	return strings.Join(wrap(text, max(20, s.width-1-hang)), "\n"+strings.Repeat(" ", hang))
}

func (s *textScreen) evaluate(e train.Evaluation) {
	s.val = "val " + three(e.Loss)
	note := ""
	switch floor := s.r.Data.Info().Floor; {
	case e.Step == 0 && s.r.Base != nil:
		note = "  (the base, as it is)"
	case e.Step == 0:
		note = "  (nothing learnt yet: about ln V)"
	case !e.Best:
		note = fmt.Sprintf("  (best %s after step %s)", three(s.r.State.Best.Loss), commas(s.r.State.Best.Step))
	case floor > 0:
		note = fmt.Sprintf("  (%s)", aboveFloor(e.Loss, floor))
	}
	s.line("%s  %s%s", s.heading(e.Step), s.p.bold("validation "+three(e.Loss)), s.p.dim(note))
}

// aboveFloor says how far a loss is from the least possible one.
func aboveFloor(loss, floor float64) string {
	if loss >= 2*floor {
		return fmt.Sprintf("%s times the floor %s", three(loss/floor), three(floor))
	}
	return fmt.Sprintf("%.1f %% above the floor %s", 100*(loss/floor-1), three(floor))
}

func (s *textScreen) sample(t train.Sample) {
	text := t.Text
	if s.r.Data.Report != nil {
		text = t.Prompt + " → " + t.Text
	}
	s.put(s.p.dim(indent(strings.TrimSpace(visible(text)), "    | ", s.width)))
}

// visible replaces what would move a terminal's cursor.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '·'
		}
		return r
	}, text)
}

// indent puts a prefix before every line and breaks lines that are too long.
func indent(text, prefix string, width int) string {
	room := max(20, width-len(prefix))
	var b strings.Builder
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(prefix)
		for n, r := range []rune(line) {
			if n > 0 && n%room == 0 {
				b.WriteString("\n" + prefix)
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

func (s *textScreen) stopping() {
	s.line("%s", "stopping after this step and saving; press Ctrl-C again to leave at once")
}

func (s *textScreen) end(end train.End, audit *train.Audit) {
	s.clear()
	p, info := s.r.State.Progress, s.r.Data.Info()
	if end == train.Stopped {
		return
	}
	fmt.Fprintln(s.w)
	if graph := curveText(s.r, min(s.width, 100)); graph != "" {
		fmt.Fprintf(s.w, "%s\n\n", graph)
	}
	why := ""
	if end == train.Stale {
		why = fmt.Sprintf("Stopped early: %s without a new best. ", count2(p.Stale, "evaluation"))
	}
	spent := fmt.Sprintf("%s tokens in %s", short(float64(p.Tokens)), clock(time.Duration(p.Seconds*1e9)))
	what := fmt.Sprintf("bigram %s", three(info.Bigram))
	if s.r.Base != nil {
		what = fmt.Sprintf("the base: %s", three(p.First.Loss))
		if s.r.Options.Tuning.From != "" {
			what = fmt.Sprintf("before: %s", three(p.First.Loss))
		}
	}
	if info.Floor > 0 {
		what = aboveFloor(p.Best.Loss, info.Floor)
	}
	if s.r.Options.Validates() {
		s.line("%sBest validation loss %s after step %s (%s), %s.", why, s.p.good(fmt.Sprintf("%.4f", p.Best.Loss)), commas(p.Best.Step), what, spent)
	} else {
		s.line("%sno validation split; %s.", s.loss, spent)
	}
	if audit != nil {
		s.audit(audit)
	}
	if s.r.Dir != "" {
		next := "sample "
		if report := s.r.Data.Report; report != nil && report.Kind == corpus.KindMessages {
			next = "chat "
		}
		s.line("Kept in %s: checkpoints, metrics.jsonl, loss.svg, loss.png.", s.r.Dir)
		s.put("Next:   pedestrian " + next + shellQuote(s.r.Dir))
	}
}
