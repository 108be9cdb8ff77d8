// Package docs holds the chapters of the documentation as files, so that a
// program can show them without a network.
package docs

import "embed"

// Files holds every chapter at its own name, such as "03-attention.md".
//
//go:embed *.md
var Files embed.FS
