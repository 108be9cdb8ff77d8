package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
)

// A studioSession is what the page of the studio saves as a session: its address has all of it.
type studioSession struct {
	Format  string   `json:"format"`
	Version int      `json:"version"`
	Address string   `json:"address"`
	Loss    *float64 `json:"loss"` // in nats; nil where it is no finite number
}

// maxSession is how many bytes a session may have. An address holds at most 200 edits.
const maxSession = 1 << 20

// namesSession says whether an argument is the file of a session.
func namesSession(arg string) bool {
	if !strings.HasSuffix(arg, ".json") {
		return false
	}
	info, err := os.Stat(arg)
	return err == nil && info.Mode().IsRegular()
}

// readSession reads a session of the studio.
func readSession(path string) (s studioSession, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return s, err
	}
	other := usagef("%s is not a session of the studio, or of another version: its page writes one with Save, Session as JSON", path)
	if info.Size() > maxSession {
		return s, other
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	if json.Unmarshal(text, &s) != nil || s.Format != "pedestrian studio session" || s.Version != 1 || !strings.HasPrefix(s.Address, "#/") {
		return s, other
	}
	return s, nil
}

// isOf returns an error if a network with that loss is another than that of the session.
func (s studioSession) isOf(path string, loss float64) error {
	if s.Loss == nil && !(math.Abs(loss) <= math.MaxFloat64) || s.Loss != nil && math.Abs(loss-*s.Loss) <= 1e-9*math.Abs(*s.Loss) {
		return nil
	}
	was := "none"
	if s.Loss != nil {
		was = fmt.Sprintf("%.6g", *s.Loss)
	}
	return fmt.Errorf("%s is of another network: its loss was %s, here it is %.6g; name the MODEL that it was saved with before it", path, was, loss)
}
