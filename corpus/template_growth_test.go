package corpus

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/internal/growth"
)

// TestTemplatesAreLinear: templates and grammars with much of one thing.
func TestTemplatesAreLinear(t *testing.T) {
	lines := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for name, work := range map[string]func(n int) func(){
		"comments": func(n int) func() { text := lines(n, "# %d\n"); return func() { ParseTemplate(text) } },
		"braces": func(n int) func() {
			text := `user "` + strings.Repeat("{{}}{eos}", n) + `{content}"`
			return func() { ParseTemplate(text) }
		},
		"escapes": func(n int) func() {
			text := `user "` + strings.Repeat(`\u00e9\n`, n) + `{content}"`
			return func() { ParseTemplate(text) }
		},
		"rules": func(n int) func() {
			var b strings.Builder
			for i := range n {
				name := []byte("rrrr")
				for j := range name {
					name[j] = 'a' + byte(i%26)
					i /= 26
				}
				fmt.Fprintf(&b, "rule %s\n\ta\n", name)
			}
			text := b.String()
			return func() {
				if _, err := readSource(text); err != nil {
					t.Fatal(err)
				}
			}
		},
		"words": func(n int) func() {
			text := "words w: " + strings.Repeat("a, ", n) + "b"
			return func() { readSource(text) }
		},
		"slots": func(n int) func() {
			text := "rule a\n\t" + strings.Repeat("{b.c}[d e] ", n)
			return func() { readSource(text) }
		},
	} {
		t.Run(name, func(t *testing.T) { growth.Linear(t, 64, work) })
	}
}

// TestLongTemplate: what has more bytes than a template needs is no template.
func TestLongTemplate(t *testing.T) {
	path := filepath.Join(tree(t, [2]string{"a.template", strings.Repeat("#", maxTemplate) + "\n"}), "a.template")
	if _, err := LoadTemplate(path); err == nil || !strings.Contains(err.Error(), "it has more than 65536 bytes") {
		t.Errorf("%v", err)
	}
}
