package gradcheck

import (
	"fmt"

	"github.com/pedestrian-ml/pedestrian"
)

// BugIDs lists M1…M48 for tests outside of the package.
func BugIDs() (ids []string) {
	for _, b := range bugs {
		ids = append(ids, b.id)
	}
	return ids
}

// Planted is the loss and the gradients of a point with a bug in it; "" for none.
func (p Point) Planted(id string) (float64, *pedestrian.Params[float64], *pedestrian.Adapter[float64]) {
	var pl plant
	for _, b := range bugs {
		if b.id == id {
			pl = b.make(p)
		}
	}
	if id != "" && pl == nil {
		panic(fmt.Sprintf("no bug %q", id))
	}
	r := p.run(pl)
	return r.loss, r.params, r.lora
}

// ByEngine is the loss of a point and the gradients of its adapter, as the loops have
// them in float64.
func (p Point) ByEngine() (float64, *pedestrian.Adapter[float64]) {
	e := runEngine[float64](p)
	return e.loss, e.lora
}
