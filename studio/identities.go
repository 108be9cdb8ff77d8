package studio

import (
	"context"
	"fmt"
	"strings"

	"github.com/pedestrian-ml/pedestrian/gradcheck"
)

// listedLaws are the demonstrations, and all identities of gradcheck.
type listedLaws struct {
	Revision   int                  `json:"rev"`
	Laws       []Law                `json:"laws"`
	Identities []gradcheck.Identity `json:"identities"` // without claims
}

func laws(r Request) listedLaws { return listedLaws{r.Revision, Laws, gradcheck.Identities()} }

// An evaluatedIdentity is an identity at the first of gradcheck's cases that it is about.
type evaluatedIdentity struct {
	Revision int `json:"rev"`
	gradcheck.Identity
	Case string `json:"case,omitempty"` // name of the case; "" where it is about none
}

func evaluated(r Request) (evaluatedIdentity, error) {
	out := evaluatedIdentity{Revision: r.Revision}
	if !gradcheck.IsIdentity(r.ID) {
		return out, fmt.Errorf("there is no identity %q", clip(r.ID))
	}
	for _, c := range gradcheck.Cases() {
		report, err := gradcheck.Run(context.Background(), c, gradcheck.Options{Only: r.ID, Threads: 1})
		if err != nil {
			return out, fmt.Errorf("evaluating %s: %w", strings.ToUpper(r.ID), err)
		}
		if out.Identity = report.Identities[0]; out.Numeric() {
			out.Case = c.Name
			break
		}
	}
	return out, nil
}

// counterExample evaluates the counter-example of an erratum, S1 to S10.
func counterExample(r Request) (evaluatedIdentity, error) {
	i, ok := gradcheck.CounterExample(r.ID, 1)
	if !ok {
		return evaluatedIdentity{}, fmt.Errorf("there is no counter-example %q", clip(r.ID))
	}
	return evaluatedIdentity{Revision: r.Revision, Identity: i}, nil
}
