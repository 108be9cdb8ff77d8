package gradcheck

// Identities lists R1…R30, X1…X13 and Y1…Y18 without claims: what [Run] evaluates.
func Identities() (all []Identity) {
	for _, l := range laws {
		all = append(all, Identity{ID: l.id, Title: l.title, Eqs: l.eqs})
	}
	return all
}

// Bugs lists M1…M48 before they are planted.
func Bugs() (all []Mutant) {
	for _, b := range bugs {
		all = append(all, Mutant{ID: b.id, Title: b.title, Where: b.where, Case: b.host})
	}
	return all
}
