package mpi

import "testing"

func TestCompare(t *testing.T) {
	hosts := []string{"a", "b", "c"}
	first := []Fact{{"the version", "1"}, {"the text", "abc"}}
	for _, c := range []struct {
		third []Fact
		want  string
	}{
		{first, ""},
		{[]Fact{{"the version", "1"}, {"the text", "abd"}}, "the text of rank 2 on c is abd, and that of rank 0 on a is abc: all ranks must have the same"},
		{[]Fact{{"the version", "2"}, {"the text", "abd"}}, "the version of rank 2 on c is 2, and that of rank 0 on a is 1: all ranks must have the same"},
		{[]Fact{{"the version", "1"}}, "the text of rank 2 on c is missing, and that of rank 0 on a is abc: all ranks must have the same"},
	} {
		got := ""
		if err := compare([][]Fact{first, first, c.third}, hosts); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%v: %q, expected %q", c.third, got, c.want)
		}
	}
}
