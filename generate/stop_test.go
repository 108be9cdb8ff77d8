package generate

import "testing"

func TestStopper(t *testing.T) {
	for _, c := range []struct {
		stop  []string
		parts []string
		want  string
		found bool
	}{
		{nil, []string{"a", "b"}, "ab", false},
		{[]string{"END"}, []string{"abE", "N", "Dxyz"}, "ab", true},
		{[]string{"END"}, []string{"abE", "N", "Exyz"}, "abENExyz", false},
		{[]string{"aab"}, []string{"a", "a", "a", "b"}, "a", true},
		{[]string{"\n\n"}, []string{"x\n", "y\n", "\n"}, "x\ny", true},
		{[]string{"END"}, []string{"E", "N"}, "EN", false},
		// Several: the first that is complete counts, whatever pieces it comes in.
		{[]string{"END", "."}, []string{"ab", "c.", "d"}, "abc", true},
		{[]string{".", "END"}, []string{"abEN", "D."}, "ab", true},
		{[]string{"abcd", "bc"}, []string{"xab", "c", "d"}, "xa", true},
		{[]string{"abcd", "bc"}, []string{"xabcd"}, "xa", true},
		{[]string{"bc", "abc"}, []string{"xa", "b", "c"}, "x", true},
		{[]string{"ENDE", "NEVER"}, []string{"xE", "N", "EV", "E", "R!"}, "xE", true},
		{[]string{"User:", "<|im_end|>"}, []string{"hi <|im", "_en", "d>", " Us", "er"}, "hi <|im_end> User", false},
	} {
		s := stopper{stop: c.stop}
		got, found := "", false
		for _, p := range c.parts {
			var out string
			out, found = s.add(p)
			got += out
			if found {
				break
			}
		}
		if !found {
			got += s.flush()
		}
		if got != c.want || found != c.found {
			t.Errorf("stop %q in %q: %q %v, want %q %v", c.stop, c.parts, got, found, c.want, c.found)
		}
	}
}
