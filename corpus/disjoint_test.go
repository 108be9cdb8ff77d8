package corpus

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckDisjoint(t *testing.T) {
	a := tree(t, [2]string{"one.txt", "One."}, [2]string{"two.txt", "Two."}, [2]string{"three.txt", "Three."})
	b := tree(t, [2]string{"other.txt", "New."}, [2]string{"copy.txt", "Two."})
	for _, c := range []struct{ data, val, says string }{
		{a, filepath.Join(b, "other.txt"), ""},
		{filepath.Join(a, "one.txt"), filepath.Join(a, "two.txt"), ""},
		{a, b, filepath.Join(b, "copy.txt") + " is for validation and holds the bytes of " + filepath.Join(a, "two.txt")},
		{filepath.Join(a, "one.txt"), filepath.Join(a, "one.txt"), "which is trained on"},
		{filepath.Join(a, "absent"), b, "no such file"},
		{a, filepath.Join(b, "absent"), "no such file"},
	} {
		err := CheckDisjoint(c.data, c.val)
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s, %s: %v, want %q", c.data, c.val, err, c.says)
		}
	}
}
