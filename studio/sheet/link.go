package sheet

import (
	"fmt"
	"maps"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pedestrian-ml/pedestrian/studio"
)

// A Link is a place of the studio: what stands in the address of its page behind "#".
type Link struct {
	Screen string // "" is the block
	State  studio.State
	Block  int // from 0; -1: none is named
	Head   int
	Settings
}

// Settings are what a place says beside the network and its text. Each screen reads its own.
type Settings struct {
	Row    string   // that is open: of a list of bugs, the bug
	Cell   *[2]int  // that is chosen, from 0; nil is the largest
	Diff   bool     // maps show what the edits changed
	Knob   *float64 // of a law; nil is where it starts
	Broken bool     // the law is broken
	Alpha  *float64 // of the adapter; nil is where it starts
	Steps  *int     // that the adapter was trained
	Net    string   // sizes whose parameters are counted, as the page writes them: 50257,1024,768,12,12,tied,r16,qkv
	Write  string   // how the network writes: temperature, top-k, top-p, seed, tokens of the prompt
	Answer string   // to an exercise, a bug, or a search of the book
}

var editOf = regexp.MustCompile(`^([\w.-]+):(\d{1,4}),(\d{1,4})=(hidden|[-+.\deE]+)$`)

// ParseLink reads an address of the studio's page, such as
// "http://127.0.0.1:8080/#/table/1?head=1&edit=b0.h1.rho:5,2=.2", or the part of it from "#" on.
// An error names what the studio's page does not know, or what a sheet does not show.
func ParseLink(address string) (Link, error) {
	l := Link{Block: -1, Head: -1}
	_, hash, ok := strings.Cut(address, "#/")
	if !ok {
		return l, fmt.Errorf("%q is no address of the studio: those have #/ in them", address)
	}
	path, query, _ := strings.Cut(hash, "?")
	path, err := url.PathUnescape(strings.Trim(path, "/"))
	if err != nil {
		return l, fmt.Errorf("the address of the studio: %w", err)
	}
	l.Screen = path
	q, err := url.ParseQuery(strings.ReplaceAll(query, ";", "%3B"))
	if err != nil {
		return l, fmt.Errorf("the address of the studio: %w", err)
	}
	whole := func(key string, to *int) error {
		n, err := strconv.Atoi(q.Get(key))
		if err != nil || n < 0 {
			return fmt.Errorf("the address of the studio has %s=%s, which is no whole number", key, q.Get(key))
		}
		*to = n
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(q)) {
		value := q.Get(key)
		var seed int
		switch key {
		case "v", "ramp": // how the page shows it
		case "row":
			l.Row = value
		case "cell":
			l.Cell, err = cellOf(value)
		case "diff":
			l.Diff = value == "1"
		case "broken":
			l.Broken = value == "1"
		case "net":
			l.Net = value
		case "write":
			l.Write = value
		case "answer":
			l.Answer = value
		case "knob":
			l.Knob, err = number(key, value)
		case "alpha":
			l.Alpha, err = number(key, value)
		case "steps":
			l.Steps = new(int)
			err = whole(key, l.Steps)
		case "step":
			err = whole(key, &l.State.Step)
		case "rates":
			l.State.Rates, err = rates(value)
		case "model":
			l.State.Model = value
		case "seed":
			err = whole(key, &seed)
			l.State.Seed = uint64(seed)
		case "tok":
			l.State.Tokens, err = list(key, value)
		case "tgt":
			l.State.Targets, err = list(key, value)
		case "mean":
			l.State.Mean = value == "1"
		case "rank":
			err = whole(key, &l.State.Rank)
		case "block":
			err = whole(key, &l.Block)
		case "head":
			err = whole(key, &l.Head)
		case "edit":
			l.State.Edits, err = edits(value)
		case "held":
			l.State.Held = holds(value)
		default:
			err = fmt.Errorf("the address of the studio has %q, which is not known here", key)
		}
		if err != nil {
			return l, err
		}
	}
	return l, nil
}

func number(key, text string) (*float64, error) {
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return nil, fmt.Errorf("the address of the studio has %s=%s, which is no number", key, text)
	}
	return &x, nil
}

func cellOf(text string) (*[2]int, error) {
	a, b, _ := strings.Cut(text, ",")
	i, err1 := strconv.Atoi(a)
	j, err2 := strconv.Atoi(b)
	if err1 != nil || err2 != nil || i < 1 || j < 1 {
		return nil, fmt.Errorf("the address of the studio has cell=%s: a cell is written 5,2, and counted from 1", text)
	}
	return &[2]int{i - 1, j - 1}, nil
}

func rates(text string) (all []studio.Rate, err error) {
	for part := range strings.SplitSeq(text, ",") {
		from, rate, _ := strings.Cut(part, ":")
		at, err1 := strconv.Atoi(from)
		x, err2 := strconv.ParseFloat(rate, 64)
		if err1 != nil || err2 != nil {
			return nil, fmt.Errorf("the address of the studio has the learning rate %q: one is written 20:.01, from step 20 on", part)
		}
		all = append(all, studio.Rate{From: at, Rate: x})
	}
	return all, nil
}

func list(key, text string) (all []int, err error) {
	for part := range strings.SplitSeq(text, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil, fmt.Errorf("the address of the studio has %s=%s, which is no list of numbers", key, text)
		}
		all = append(all, n)
	}
	return all, nil
}

func edits(text string) (all []studio.Edit, err error) {
	for part := range strings.SplitSeq(text, ";") {
		m := editOf.FindStringSubmatch(part)
		if m == nil {
			return nil, fmt.Errorf("the address of the studio has the edit %q: one is written b0.h1.rho:5,2=.2", part)
		}
		i, _ := strconv.Atoi(m[2])
		j, _ := strconv.Atoi(m[3])
		e := studio.Edit{ID: m[1], Row: i - 1, Col: j - 1}
		if m[4] != "hidden" {
			x, err := strconv.ParseFloat(m[4], 64)
			if err != nil {
				return nil, fmt.Errorf("the address of the studio has the edit %q, whose number is none", part)
			}
			e.Value = &x
		}
		all = append(all, e)
	}
	return all, nil
}

// holds reads "b0.a_4,b0.h1.rho*", where a star is for frozen.
func holds(text string) (all []studio.Hold) {
	for part := range strings.SplitSeq(text, ",") {
		id, frozen := strings.CutSuffix(part, "*")
		all = append(all, studio.Hold{ID: id, Frozen: frozen})
	}
	return all
}
