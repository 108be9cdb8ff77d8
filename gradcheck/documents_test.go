package gradcheck

import (
	"context"
	"testing"

	"github.com/pedestrian-ml/pedestrian/paper"
)

// TestDocuments checks every gradient of a network whose sequences hold several
// documents against differences.
func TestDocuments(t *testing.T) {
	c, _ := Find("relu")
	c.Batch = []paper.Sequence{
		{Tokens: []int{6, 0, 6, 3, 6, 1, 2}, Targets: []int{0, ignored, 3, 6, 8, 2, 2}, Starts: []int{2, 5}},
		{Tokens: []int{4, 6, 1, 1, 6, 1, 0}, Targets: []int{6, 1, 1, 6, 1, 0, 3}, Starts: []int{1}},
	}
	r, err := Run(context.Background(), c, Options{NoMutants: true, NoIdentities: true, Entries: 5, SignalEntries: 2})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Pass {
		t.Errorf("documents in one sequence: %v is wrong", r.Failed())
	}
	for i := range c.Batch {
		c.Batch[i].Starts = nil
	}
	if whole := c.At(1, kinkMargin*DefaultStep).run(nil); Number(whole.loss) == r.Loss {
		t.Errorf("a loss of %v with and without starts", r.Loss)
	}
}
