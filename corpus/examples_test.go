package corpus

import (
	"slices"
	"strings"
	"testing"
)

func TestSplitExamples(t *testing.T) {
	x := documents(nil, slices.Repeat([]int{5}, 1000)...)
	train, val, err := x.Split(0.1, 1)
	if err != nil || train.Len()+val.Len() != 1000 || val.Len() < 70 || val.Len() > 130 { // ± 3 deviations
		t.Errorf("%d and %d documents, %v", train.Len(), val.Len(), err)
	}
	if o := Overlap(train, val); len(o) != 0 {
		t.Errorf("%d documents on both sides", len(o))
	}
	// A file that grows moves nothing; equal documents stay together.
	y := documents(nil, slices.Repeat([]int{5}, 1100)...)
	y.Add(x.Tokens[:5], nil, Place{})
	train2, val2, _ := y.Split(0.1, 1)
	if Overlap(train2, val2) != nil || len(Overlap(train2, train)) != train.Len() || len(Overlap(val2, val)) != val.Len() {
		t.Error("a longer file is divided in another way")
	}
	if tokens, learn := val.Document(0); len(tokens) != 5 || learn[0] || !learn[1] || val.Place(0).File != "a.jsonl" || val.Place(0).Line == 0 {
		t.Errorf("document 0 of validation: %v %v %v", tokens, learn, val.Place(0))
	}
	// The seed draws, and what is learnt goes along.
	if _, other, _ := x.Split(0.1, 2); len(Overlap(other, val)) == val.Len() {
		t.Error("another seed, the same division")
	}
	z := documents(func(i, j int) bool { return (i+j)%3 == 0 }, slices.Repeat([]int{5}, 100)...)
	train3, val3, _ := z.Split(0.5, 1)
	if len(Overlap(z, train3)) != train3.Len() || len(Overlap(z, val3)) != val3.Len() {
		t.Error("what is learnt of a document was lost")
	}
	for _, fraction := range []float64{0, 1, -1, nan} {
		if _, _, err := x.Split(fraction, 1); err == nil {
			t.Errorf("fraction %g", fraction)
		}
	}
	same := &Examples{}
	for range 5 {
		same.Add([]int32{1, 2}, nil, Place{})
	}
	for _, x := range []*Examples{same, documents(nil, 3), {}} {
		if _, _, err := x.Split(0.5, 1); err == nil || !strings.Contains(err.Error(), "leave nothing to train on") {
			t.Errorf("%d documents: %v", x.Len(), err)
		}
	}
}

// TestOverlap: a document counts as seen if its tokens and what is learnt are the same.
func TestOverlap(t *testing.T) {
	train, val := &Examples{}, &Examples{}
	train.Add([]int32{1, 2, 3}, nil, Place{})
	train.Add([]int32{1, 2, 3, 4}, nil, Place{})
	val.Add([]int32{1, 2}, nil, Place{})
	val.Add([]int32{1, 2, 3, 4}, nil, Place{})
	val.Add([]int32{1, 2, 3}, []bool{false, false, true}, Place{})
	if got := Overlap(train, val); !slices.Equal(got, []int{1}) {
		t.Errorf("%v", got)
	}
	if train.Digest() == val.Digest() || len(train.Digest()) != 64 {
		t.Error("digests")
	}
	var r Report
	val.Add([]int32{1, 2, 3}, nil, Place{"val.jsonl", 9})
	both := r.Compare(train, val)
	if len(both) != 2 || both[1] != (Place{"val.jsonl", 9}) || len(r.Warnings) != 1 || !strings.HasPrefix(r.Warnings[0], "2 of 4 documents for validation are in training too, first ") {
		t.Errorf("%v, %q", both, r.Warnings)
	}
	if both := r.Compare(train, &Examples{}); both != nil || len(r.Warnings) != 1 {
		t.Errorf("nothing for validation: %v, %q", both, r.Warnings)
	}
	one, two := &Examples{}, &Examples{}
	one.Add([]int32{1, 2, 3}, []bool{false, true, false}, Place{})
	two.Add([]int32{1, 2}, nil, Place{})
	two.Add([]int32{3}, nil, Place{})
	if one.Digest() == two.Digest() {
		t.Error("two documents have the digest of one with their tokens")
	}
}

func TestPlace(t *testing.T) {
	if a, b := (Place{"a.txt", 0}).String(), (Place{"a.jsonl", 7}).String(); a != "a.txt" || b != "a.jsonl:7" {
		t.Error(a, b)
	}
}
