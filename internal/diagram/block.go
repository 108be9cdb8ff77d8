package main

import (
	"github.com/pedestrian-ml/pedestrian/studio"
	"github.com/pedestrian-ml/pedestrian/studio/sheet"
)

// block is one block of the lesson's network with both passes, in its numbers.
func block() (string, error) {
	s, err := studio.Open(studio.State{})
	if err != nil {
		return "", err
	}
	x := sheet.New(s)
	x.Checks = true
	return x.Drawing(), nil
}
