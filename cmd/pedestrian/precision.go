package main

import (
	"slices"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/engine"
)

// A readPrecision is the --precision of a network that is read and not trained: that of the
// engine's products, or q8_0 for weights in blocks of 8 bits.
type readPrecision string

const inBlocks = readPrecision(pedestrian.Q8)

// readPrecisions are all of them.
var readPrecisions = []readPrecision{readPrecision(engine.Float32), readPrecision(engine.BF16), inBlocks}

// check returns a usage error if there is no such precision.
func (p readPrecision) check() error {
	if slices.Contains(readPrecisions, p) {
		return nil
	}
	return usagef("unknown precision %q: choose %q, %q or %q", string(p), engine.Float32, engine.BF16, pedestrian.Q8)
}

// products is the precision of products. Weights in blocks are multiplied in float32.
func (p readPrecision) products() engine.Precision {
	if p == inBlocks {
		return engine.Float32
	}
	return engine.Precision(p)
}

// rounding says what is rounded, a sentence, or "".
func (p readPrecision) rounding() string {
	switch p {
	case readPrecision(engine.BF16):
		return "Weights rounded to bf16."
	case inBlocks:
		return "Weights rounded to q8_0."
	}
	return ""
}
