package gradcheck

import "math"

// An Identity is one of the paper's properties R1…R30, of the further ones X1…X13, or of
// those of the Llama family Y1…Y18, evaluated at a point: claims about numbers, each with
// its residual.
type Identity struct {
	ID     string  `json:"id"`               // R1…R30, X1…X13, Y1…Y18
	Title  string  `json:"title"`            // one line
	Eqs    string  `json:"eqs"`              // numbers of the equations
	Claims []Claim `json:"claims,omitempty"` // none if it does not apply
	Reason string  `json:"reason,omitempty"` // why it does not apply to this case, or is not about numbers
	OK     bool    `json:"ok"`
}

// Numeric reports whether i has claims.
func (i Identity) Numeric() bool { return len(i.Claims) > 0 }

// Residual is the claim whose value is nearest to its limit, or exceeds it most.
func (i Identity) Residual() (c Claim) {
	worst := -1.0
	for _, k := range i.Claims {
		if k.Above {
			continue
		}
		share := float64(k.Value) / float64(k.Limit)
		if k.Limit == 0 && k.Value == 0 {
			share = 0
		}
		if share > worst || share != share {
			worst, c = share, k
		}
	}
	if worst < 0 && len(i.Claims) > 0 {
		c = i.Claims[0]
	}
	return c
}

// A Claim says that Value is at most Limit. With Above it says that Value is at least Limit:
// something that must break is broken.
type Claim struct {
	What  string `json:"what"` // in words
	Value Number `json:"value"`
	Limit Number `json:"limit"`
	Above bool   `json:"above,omitempty"`
	OK    bool   `json:"ok"` // it holds
}

// atMost claims that an error is no larger than its limit.
func atMost(what string, value, limit float64) Claim {
	return Claim{What: what, Value: Number(value), Limit: Number(limit), OK: value <= limit}
}

// atLeast claims that a difference is there, and not by rounding.
func atLeast(what string, value, limit float64) Claim {
	return Claim{What: what, Value: Number(value), Limit: Number(limit), Above: true, OK: value >= limit}
}

// exactly claims that a number which is zero by construction is zero to the bit.
func exactly(what string, value float64) Claim { return atMost(what, math.Abs(value), 0) }

const (
	// rounding is what two orders of the same float64 sum may differ by, relative
	// to the largest term: 2⁻⁵³ times the some thousand additions behind a number.
	rounding = 1e-12
	// visible is the least that counts as broken: far above rounding, far below the
	// differences that the broken forms show (0.01 and more).
	visible = 1e-4
)
