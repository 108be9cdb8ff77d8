package corpus

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/pedestrian-ml/pedestrian/parquet"
)

// An unread is the value of a column that is not read: it says something, and what is
// of no importance.
type unread struct{}

// readParquet hands each row of a Parquet file to c, a row being what a line is in other
// files. Only columns that layouts have are read, and those that would be refused.
func readParquet(in *input, c *collector) error {
	r, ok := in.file.(io.ReaderAt)
	if !ok || in.packed != "" {
		return fmt.Errorf("%s: a Parquet file is packed inside: unpack it from %s", in.path, in.packed)
	}
	f, err := parquet.Open(r, in.size)
	if err != nil {
		return fmt.Errorf("%s: %w", in.path, err)
	}
	wanted := append(slices.Collect(maps.Keys(refused)), "label")
	for _, name := range fields() {
		if column, ok := c.columns[name]; ok {
			name = column
		}
		wanted = append(wanted, name)
	}
	var names []string
	var empty object // of the columns that are not read, and are not null
	for _, name := range f.Columns() {
		switch {
		case slices.Contains(names, name):
			return fmt.Errorf("%s: column %q is there twice: which of them counts?", in.path, shorten(name))
		case slices.Contains(wanted, name):
			names = append(names, name)
		case !f.AllNull(name):
			empty = append(empty, field{name, unread{}})
		}
	}
	var own error // of a record, which has its place
	err = f.Read(names, func(row int64, values []any) error {
		o := make(object, 0, len(names)+len(empty))
		for i, v := range values {
			o = append(o, field{names[i], jsonValue(v)})
		}
		own = c.add(append(o, empty...), Place{in.path, int(row) + 1})
		return own
	})
	switch {
	case own != nil:
		return own
	case err != nil:
		return fmt.Errorf("%s: %w", in.path, err)
	}
	return c.end(in.path, "it has no rows")
}

// jsonValue is a value of a Parquet file as one of JSON.
func jsonValue(v any) any {
	switch v := v.(type) {
	case int64:
		return json.Number(strconv.FormatInt(v, 10))
	case float64:
		return json.Number(strconv.FormatFloat(v, 'g', -1, 64))
	case []any:
		for i := range v {
			v[i] = jsonValue(v[i])
		}
		return v
	case parquet.Struct:
		o := make(object, len(v))
		for i, f := range v {
			o[i] = field{f.Name, jsonValue(f.Value)}
		}
		return o
	case []byte, parquet.Unread:
		return unread{}
	}
	return v
}
