// Package docs holds the chapters of the documentation as files, so that a
// program can show them without a network.
package docs

import "embed"

// Files holds every chapter at its own name, such as "03-attention.md".
//
//go:embed *.md
var Files embed.FS

// Drawings holds the pictures of the chapters at the names that these link to, such as
// "img/head.svg".
//
//go:embed img/*.svg
var Drawings embed.FS
