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

// An unreadValue stands for a column that is not read. The column is not null.
type unreadValue struct{}

// readParquet gives each row of a Parquet file to c; the row number stands for a line
// number. It reads the columns of layouts, and the columns that make an example refused.
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
	var unread object // columns that are not read and not null
	for _, name := range f.Columns() {
		switch {
		case slices.Contains(names, name):
			return fmt.Errorf("%s: column %q is there twice: which of them counts?", in.path, shorten(name))
		case slices.Contains(wanted, name):
			names = append(names, name)
		case !f.AllNull(name):
			unread = append(unread, field{name, unreadValue{}})
		}
	}
	var recordErr error // names its place already
	err = f.Read(names, func(row int64, values []any) error {
		o := make(object, 0, len(names)+len(unread))
		for i, v := range values {
			o = append(o, field{names[i], jsonValue(v)})
		}
		recordErr = c.add(append(o, unread...), Place{in.path, int(row) + 1})
		return recordErr
	})
	switch {
	case recordErr != nil:
		return recordErr
	case err != nil:
		return fmt.Errorf("%s: %w", in.path, err)
	}
	return c.end(in.path, "it has no rows")
}

// jsonValue converts a value of a Parquet file to a JSON value.
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
		return unreadValue{}
	}
	return v
}
