package live

import (
	"github.com/pedestrian-ml/pedestrian/studio"
)

// NewCore makes a core of the studio that trains as well: its requests are those of package
// studio, "train" and "next". more are networks beside those of the studio.
func NewCore(more ...*studio.Model) (*studio.Core, error) {
	t := new(trainer)
	story, err := storyModel(t)
	if err != nil {
		return nil, err
	}
	return &studio.Core{More: append(more, story), Other: func(c *studio.Core, r studio.Request) (header any, numbers []float64, ok bool, err error) {
		switch r.Op {
		case "train":
			header, numbers, err = t.train(r)
		case "next":
			header, numbers, err = next(c, r)
		default:
			return nil, nil, false, nil
		}
		return header, numbers, true, err
	}}, nil
}
