package safetensors

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/internal/growth"
)

// TestHeadersAreLinear: headers with much of one thing.
func TestHeadersAreLinear(t *testing.T) {
	list := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for name, header := range map[string]func(n int) string{
		"tensors": func(n int) string {
			return "{" + list(n, `"t.%[1]d":{"dtype":"F32","shape":[],"data_offsets":[0,4]}`) + "}"
		},
		"metadata": func(n int) string { return `{"__metadata__":{` + list(n, `"k%d":"v"`) + "}}" },
		"text": func(n int) string {
			return `{"__metadata__":{"a":"` + strings.Repeat(`\u00e9\ud83d\ude00é`, n) + `"}}`
		},
		"blanks":  func(n int) string { return "{" + strings.Repeat(" ", 64*n) + "}" },
		"digits":  func(n int) string { return `{"a":{"dtype":"F32","shape":[` + strings.Repeat("1", n) + `]}}` },
		"nesting": func(n int) string { return strings.Repeat(`{"a":`, n) },
	} {
		t.Run(name, func(t *testing.T) {
			growth.Linear(t, 256, func(n int) func() {
				text := []byte(header(n))
				return func() { parseHeader(text) }
			})
		})
	}
	// The tensors of a file, which are compared by where they lie.
	t.Run("ranges", func(t *testing.T) {
		growth.Linear(t, 256, func(n int) func() {
			n = min(n, maxTensors)
			var b strings.Builder
			for i := range n {
				fmt.Fprintf(&b, `"t.%d":{"dtype":"U8","shape":[1],"data_offsets":[%d,%d]},`, i, n-1-i, n-i)
			}
			header := "{" + strings.TrimSuffix(b.String(), ",") + "}"
			file := string([]byte{byte(len(header)), byte(len(header) >> 8), byte(len(header) >> 16), byte(len(header) >> 24), 0, 0, 0, 0}) + header + strings.Repeat("x", n)
			return func() {
				if _, err := Read(strings.NewReader(file), int64(len(file))); err != nil {
					t.Fatal(err)
				}
			}
		})
	})
}
