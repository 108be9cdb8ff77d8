package generate

import "strings"

// A stopper lets text through until one of its strings is complete; what might be the
// beginning of one waits. Where it stops does not depend on the pieces that text comes
// in: the string that ends first counts, and of those that end together the longest.
type stopper struct {
	stop []string
	held string
}

func (p *stopper) add(text string) (out string, stopped bool) {
	p.held += text
	end, start := len(p.held)+1, 0
	for _, s := range p.stop {
		if i := strings.Index(p.held, s); i >= 0 && (i+len(s) < end || i+len(s) == end && i < start) {
			end, start = i+len(s), i
		}
	}
	if end <= len(p.held) {
		return p.held[:start], true
	}
	wait := 0
	for _, s := range p.stop {
		n := min(len(s)-1, len(p.held))
		for n > wait && !strings.HasPrefix(s, p.held[len(p.held)-n:]) {
			n--
		}
		wait = max(wait, n)
	}
	out, p.held = p.held[:len(p.held)-wait], p.held[len(p.held)-wait:]
	return out, false
}

func (p *stopper) flush() string {
	out := p.held
	p.held = ""
	return out
}
