package train

import "time"

// A pace measures the speed of a run.
type pace struct {
	since    time.Time // when State.Seconds was last updated
	began    time.Time // when the present step began
	rate     float64   // tokens per second, averaged over the latest steps
	first    int       // the step at the start of this session
	firstSec float64
	tokens   int64
}

func (p *pace) start(s *State) {
	*p = pace{since: time.Now(), first: s.Step, firstSec: s.Seconds, tokens: s.Tokens}
}

// pause updates State.Seconds.
func (p *pace) pause(s *State) {
	if p.since.IsZero() {
		return
	}
	now := time.Now()
	s.Seconds += now.Sub(p.since).Seconds()
	p.since = now
}

func (p *pace) begin() { p.began = time.Now() }

// end sets the times of u. The rate is an exponential average with a weight of 0.1 for the
// newest step.
func (p *pace) end(u *Update, s *State, steps int) {
	now := float64(u.Tokens-p.tokens) / max(time.Since(p.began).Seconds(), 1e-9)
	p.tokens = u.Tokens
	if p.rate == 0 {
		p.rate = now
	}
	p.rate += (now - p.rate) / 10
	p.pause(s)
	u.TokensPerSecond = p.rate
	u.Elapsed = seconds(s.Seconds)
	u.Left = seconds((s.Seconds - p.firstSec) / float64(u.Step-p.first) * float64(steps-u.Step))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
