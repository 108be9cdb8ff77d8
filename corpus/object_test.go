package corpus

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/internal/growth"
)

// TestObjectsAreLinear: lines that have much of one thing.
func TestObjectsAreLinear(t *testing.T) {
	for name, line := range map[string]func(n int) string{
		"keys": func(n int) string {
			var b strings.Builder
			b.WriteString(`{"text":"a"`)
			for i := range n {
				fmt.Fprintf(&b, `,"k%d":%d`, i, i)
			}
			return b.String() + "}"
		},
		"messages": func(n int) string {
			return `{"messages":[` + strings.Repeat(`{"role":"user","content":"a"},`, n) + `{"role":"assistant","content":"b"}]}`
		},
		"escapes": func(n int) string { return `{"text":"` + strings.Repeat(`\ud83d\ude00\\`, n) + `"}` },
		"text":    func(n int) string { return `{"text":"` + strings.Repeat(`word `, n) + `"}` },
		"lists":   func(n int) string { return `{"text":"a","b":[` + strings.Repeat(`[],{},`, n) + `0]}` },
	} {
		t.Run(name, func(t *testing.T) {
			growth.Linear(t, 1000, func(n int) func() {
				text := []byte(line(n))
				return func() {
					o, err := parseObject(text)
					if err == nil {
						_, err = o.record(nil, nil)
					}
					if err != nil {
						t.Fatal(err)
					}
				}
			})
		})
	}
}

// TestDeepObjects: nesting ends with an error long before the stack does.
func TestDeepObjects(t *testing.T) {
	for _, n := range []int{100, 9_000, 1_000_000} {
		_, err := parseObject([]byte(`{"text":"a","b":` + strings.Repeat("[", n) + strings.Repeat("]", n) + "}"))
		if deep := n > 10_000; (err != nil) != deep {
			t.Errorf("%d deep: %v", n, err)
		}
	}
}
