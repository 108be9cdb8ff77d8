package main

import (
	"context"
	"io"
	"path/filepath"

	"github.com/pedestrian-ml/pedestrian/train"
)

// openBase loads the network that name means, and fetches it where it is the name of
// one on the hub. align is where the windows began that a network of ours was trained
// on.
func openBase(ctx context.Context, name string, stderr io.Writer) (b train.Base, align string, err error) {
	m, err := openModel(ctx, name, modelOptions{fetch: true}, stderr)
	if err != nil {
		return b, "", err
	}
	if m.Adapter != nil {
		return b, "", usagef("%s holds an adapter, not a network: merge it with its base first (pedestrian merge %s), or name the base", name, shellQuote(name))
	}
	if b.Path, err = filepath.Abs(m.Path); err != nil {
		return b, "", usageError{err}
	}
	if m.Name != name || m.Kind == kindCached {
		b.Name = m.Name
	}
	b.Params, b.Tokenizer = m.Params, m.Tokenizer
	if m.Checkpoint != nil && !imported(m.Checkpoint) {
		align = m.Checkpoint.Options.Align
	}
	return b, align, nil
}
