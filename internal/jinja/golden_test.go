package jinja

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// A goldenCase is a template, and what Jinja writes or says of it.
type goldenCase struct {
	Template string  `json:"template"`
	Text     *string `json:"text"`
	Error    string  `json:"error"`
}

// ordered is a value of JSON in which objects keep the order of their keys.
func ordered(d *json.Decoder) any {
	t, err := d.Token()
	if err != nil {
		panic(err)
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '[' {
			l := []any{}
			for d.More() {
				l = append(l, ordered(d))
			}
			d.Token()
			return l
		}
		m := Dict{}
		for d.More() {
			key, _ := d.Token()
			m = append(m, Item{key.(string), ordered(d)})
		}
		d.Token()
		return m
	case json.Number:
		if i, err := t.Int64(); err == nil {
			return i
		}
		f, _ := t.Float64()
		return f
	default:
		return t
	}
}

// goldens are the cases of a file that testdata/templates.py wrote, and their arguments.
func goldens(t *testing.T, path string) (map[string]any, []goldenCase) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var g struct {
		Vars  json.RawMessage `json:"vars"`
		Cases []goldenCase    `json:"cases"`
	}
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(g.Vars))
	d.UseNumber()
	vars := map[string]any{}
	for _, item := range ordered(d).(Dict) {
		vars[item.Key] = item.Value
	}
	return vars, g.Cases
}

// What Jinja 3.1 writes is written here; what it refuses is refused, and so is what is not
// supported here, by name. Nothing is written otherwise.
func TestAsJinja(t *testing.T) {
	path := "testdata/templates.json"
	if other := os.Getenv("JINJA_CASES"); other != "" {
		path = other
	}
	vars, cases := goldens(t, path)
	equal, refused, unsupported := 0, 0, 0
	for _, c := range cases {
		var got string
		template, err := Parse(c.Template)
		if err == nil {
			got, err = template.Render(vars, Options{})
		}
		switch {
		case err != nil && c.Text == nil:
			refused++
		case err != nil && strings.Contains(err.Error(), "not supported"):
			unsupported++
		case err != nil || c.Text == nil || got != *c.Text:
			want := c.Error
			if c.Text != nil {
				want = *c.Text
			}
			t.Errorf("%s\nis %q, %v\nin Jinja %q", c.Template, got, err, want)
		default:
			equal++
		}
	}
	t.Logf("%d equal, %d refused by both, %d not supported", equal, refused, unsupported)
	if len(cases) < 600 || unsupported > 8 && path == "testdata/templates.json" || unsupported*20 > len(cases) {
		t.Errorf("%d of %d are not supported, 8 were", unsupported, len(cases))
	}
}

// TestOrderOfArguments: dict prints its arguments as they were written, as Jinja 3.1.6 does.
func TestOrderOfArguments(t *testing.T) {
	template, err := Parse("{{ dict(b=1, a=2) }}")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := template.Render(nil, Options{}); err != nil || got != "{'b': 1, 'a': 2}" {
		t.Errorf("%q, %v", got, err)
	}
}
