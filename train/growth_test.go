package train

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/internal/growth"
)

// TestParsersAreLinear: settings with much of one thing.
func TestParsersAreLinear(t *testing.T) {
	lines := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for name, text := range map[string]func(n int) string{
		"keys":    func(n int) string { return lines(n, "k%d: 1\n") },
		"nesting": func(n int) string { return "a: " + strings.Repeat("[", n) + strings.Repeat("]", n) },
		"blocks": func(n int) string {
			var b strings.Builder
			for i := range min(n, 1000) {
				b.WriteString(strings.Repeat(" ", i) + "a:\n")
			}
			return b.String()
		},
		"aliases": func(n int) string { return "a: &a [x]\n" + lines(n, "k%d: *a\n") },
		"anchors": func(n int) string { return lines(n, "k%[1]d: &k%[1]d x\n") },
		"blanks":  func(n int) string { return strings.Repeat("\n", 16*n) + "width: 8" },
		"comment": func(n int) string { return "#" + strings.Repeat("x", 64*n) + "\nwidth: 8" },
		"quoted":  func(n int) string { return `a: "` + strings.Repeat(`\u00e9\n`, n) + `"` },
		"folded":  func(n int) string { return "a: >\n" + strings.Repeat(" x\n", n) },
	} {
		t.Run(name, func(t *testing.T) {
			growth.Linear(t, 64, func(n int) func() {
				text := []byte(text(n))
				if len(text) > maxSettingsFile {
					text = text[:maxSettingsFile]
				}
				return func() { parseSettings(text, "a.yaml") }
			})
		})
	}
}
