package tfevents

import (
	"bytes"
	"os"
	"testing"
)

const wall = 1764460800.25

// events are those of testdata/tensorboard/make_events.py.
func events() []byte {
	b := AppendHeader(nil, wall)
	b = Append(b, wall, 0, Scalar{"loss/validation", 4.125})
	b = Append(b, wall+0.5, 1, Scalar{"loss/train", 4}, Scalar{"lr", 0.001}, Scalar{"grad_norm", 0}, Scalar{"clip_scale", 1})
	return Append(b, wall+2.5, 300, Scalar{"loss/train", -1e-30}, Scalar{"lr", 3e38})
}

// The bytes are those that the tensorboard package writes.
func TestEventsAreTensorBoards(t *testing.T) {
	want, err := os.ReadFile("../testdata/tensorboard/events.golden")
	if err != nil {
		t.Fatal(err)
	}
	if got := events(); !bytes.Equal(got, want) {
		t.Errorf("got\n%x, want\n%x", got, want)
	}
}

func TestBegan(t *testing.T) {
	b := events()
	if at, err := Began(bytes.NewReader(b)); err != nil || at != wall {
		t.Errorf("%v, %v", at, err)
	}
	for i := range headerBytes {
		for _, damaged := range [][]byte{b[:i], append(append(bytes.Clone(b[:i]), b[i]^1), b[i+1:]...)} {
			if at, err := Began(bytes.NewReader(damaged)); err == nil {
				t.Errorf("damaged at byte %d it began at %v", i, at)
			}
		}
	}
}
