package train

import "time"

// A pace measures how fast a run goes.
type pace struct {
	since    time.Time // when State.Seconds was last brought up to date
	began    time.Time // of the step under way
	rate     float64   // tokens a second, averaged over the latest steps
	first    int       // step of this session's start
	firstSec float64
	tokens   int64
}

func (p *pace) start(s *State) {
	*p = pace{since: time.Now(), first: s.Step, firstSec: s.Seconds, tokens: s.Tokens}
}

// pause brings State.Seconds up to date.
func (p *pace) pause(s *State) {
	if p.since.IsZero() {
		return
	}
	now := time.Now()
	s.Seconds += now.Sub(p.since).Seconds()
	p.since = now
}

func (p *pace) begin() { p.began = time.Now() }

// end fills in the times of u. The rate forgets older steps by a tenth a step.
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
