package sheet

import (
	"fmt"
	"maps"
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
		case "v", "row", "cell", "ramp", "answer": // how the page shows it
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
		case "diff":
			if value == "1" {
				err = fmt.Errorf("the address of the studio asks for a difference, which its page alone shows: take diff=1 out")
			}
		default:
			err = fmt.Errorf("the address of the studio has %q, which is not known here", key)
		}
		if err != nil {
			return l, err
		}
	}
	return l, nil
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
