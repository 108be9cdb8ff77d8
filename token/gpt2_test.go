package token

import (
	"slices"
	"testing"
)

func TestGPT2KnownTokens(t *testing.T) {
	g := GPT2()
	if g.Vocab() != 50257 {
		t.Fatalf("%d tokens", g.Vocab())
	}
	for _, c := range []struct {
		text string
		ids  []int32
	}{
		{"Hello, world!", []int32{15496, 11, 995, 0}},
		{" hello", []int32{23748}},
		{"\n\n", []int32{628}},
		{"", nil},
	} {
		if ids, _ := g.Encode(c.text); !slices.Equal(ids, c.ids) {
			t.Errorf("%q is %v, not %v", c.text, ids, c.ids)
		}
	}
	if id, ok := g.EOS(); id != 50256 || !ok {
		t.Error(id, ok)
	}
}
