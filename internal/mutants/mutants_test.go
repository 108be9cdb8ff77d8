package main

import (
	"strings"
	"testing"
)

// TestListIsUpToDate plants every mutant in the text of its file: code that moves takes
// its mutants along.
func TestListIsUpToDate(t *testing.T) {
	all, err := load()
	if err != nil {
		t.Fatal(err)
	}
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	groups := map[string]int{}
	for _, m := range all {
		groups[m.Group]++
		if _, err := m.apply(root); err != nil {
			t.Error(err)
		}
	}
	t.Log(len(all), "mutants:", groups)
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"file a.go":                                      "a mutant begins with",
		"== a\nfile a.go\n- x\n+ y\nkill ./a":            "a sentence, a change",
		"== a\nIt is so.\nkill ./a":                      "a sentence, a change",
		"== a\nIt is so.\nfile a.go\n- x\n+ y":           "a test that sees it",
		"== a\nIt is so.\nfile a.go\n- x\n+ x\nkill ./a": "changes nothing",
		"== a\nIt is so.\nmake vec\nkill ./a":            "make names a program",
		"== a\nIt is so.\nwhat":                          "out of place",
	} {
		if _, err := parse("list/a.txt", text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, not %q", text, err, want)
		}
	}
}

// TestReplace shows that a text must be there, and once.
func TestReplace(t *testing.T) {
	const text = "func a() {\n\tx = 1\n\ty = 2\n}\n\nfunc b() {\n\tx = 1\n}\n"
	for _, c := range []struct {
		edit Edit
		want string // of the text or of the error
	}{
		{Edit{Old: "y = 2", New: "y = 3"}, "x = 1\n\ty = 3\n}"},
		{Edit{Anchor: "func b(", Old: "x = 1", New: "x = 7"}, "func b() {\n\tx = 7\n}"},
		{Edit{Old: "x = 1\n\ty = 2", New: ""}, "func a() {\n\t\n}"},
		{Edit{Old: "x = 1"}, "occurs 2 times"},
		{Edit{Old: "z"}, "occurs 0 times"},
		{Edit{Anchor: "func b(", Old: "y = 2"}, "occurs 0 times"},
		{Edit{Anchor: "func ", Old: "y = 2"}, "the anchor"},
	} {
		got, err := c.edit.replace(text)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%+v: %q, not %q", c.edit, got, c.want)
		}
	}
}
