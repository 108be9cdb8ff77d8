package mpi

import "fmt"

// A Fact is something that must be so on all ranks, such as the version of the program.
type Fact struct {
	Name  string // such as "the version"
	Value string
}

// compare returns an error that names the first rank of which a fact differs from that of rank 0.
// all are the facts of each rank, and hosts are their machines.
func compare(all [][]Fact, hosts []string) error {
	for rank, facts := range all {
		for i, f := range all[0] {
			other := Fact{f.Name, "missing"}
			if i < len(facts) && facts[i].Name == f.Name {
				other = facts[i]
			}
			if other.Value != f.Value {
				return fmt.Errorf("%s of rank %d on %s is %s, and that of rank 0 on %s is %s: all ranks must have the same",
					f.Name, rank, hosts[rank], other.Value, hosts[0], f.Value)
			}
		}
	}
	return nil
}
