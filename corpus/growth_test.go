package corpus

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/internal/growth"
)

// TestFormatsAreLinear: twice the rows, columns, elements or quotation marks take twice
// the time.
func TestFormatsAreLinear(t *testing.T) {
	for name, c := range map[string]struct {
		format           Format
		begin, unit, end string
	}{
		"elements": {FormatJSON, "[", `{"text":"a"},` + "\n", `{"text":"a"}]`},
		"nested":   {FormatJSON, `[{"text":"a","b":[`, `{"c":[]},`, `0]}]`},
		"string":   {FormatJSON, `[{"text":"`, `a\\\"`, `"}]`},
		"rows":     {FormatCSV, "text,b\n", "a,\"b\"\n", ""},
		"columns":  {FormatCSV, "text", ",", "\na"},
		"marks":    {FormatCSV, "text,b\n\"", `a""`, "\",b"},
		"tabs":     {FormatTSV, "text\tb\n", "a\"b\tc\n", ""},
		"messages": {FormatJSONL, `{"messages":[`, `{"role":"assistant","content":"a"},`, `{"role":"assistant","content":"a"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			growth.Linear(t, 2048, func(n int) func() {
				end := c.end
				if name == "columns" {
					end += strings.Repeat(",", n)
				}
				path := filepath.Join(tree(t, [2]string{"a", c.begin + strings.Repeat(c.unit, n) + end}), "a")
				return func() {
					if err := ReadRecords(path, c.format, "", func(Record) error { return nil }); err != nil {
						t.Fatal(err)
					}
				}
			})
		})
	}
}
