package studio

import (
	"github.com/pedestrian-ml/pedestrian/derive"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// An entry is an equation of the registry, typeset.
type entry struct {
	Number     string   `json:"number"`
	Title      string   `json:"title"`
	MathML     string   `json:"math"`
	ASCII      string   `json:"ascii"`
	Shapes     string   `json:"shapes"`
	Func       string   `json:"func,omitempty"`
	Check      string   `json:"check"`
	Identities []string `json:"identities,omitempty"`
	Derivation string   `json:"derivation"`
	Errata     []string `json:"errata,omitempty"`
	Exercises  []string `json:"exercises,omitempty"`
}

// registered is all of it.
type registered struct {
	Revision  int     `json:"rev"`
	Equations []entry `json:"equations"`
}

func registry(r Request) registered {
	all := registered{Revision: r.Revision}
	for _, e := range paper.Equations {
		m, err := displayML(e.TeX)
		if err != nil {
			panic(err) // TestEveryEquationIsTypeset
		}
		x := entry{e.Number, e.Title, m, e.ASCII, e.Shapes, e.Func, e.Check, e.Identities, e.Derivation, e.Errata, nil}
		for _, exercise := range derive.Exercises {
			if exercise.Eq == e.Number {
				x.Exercises = append(x.Exercises, exercise.ID)
			}
		}
		all.Equations = append(all.Equations, x)
	}
	return all
}
