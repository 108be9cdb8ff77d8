// Package ui is the page of the studio: what a server hands out, and what an exported folder
// holds. Its TypeScript and its styles are in src; what is in page is built from them, but for
// index.html, and committed, so that neither a build of pedestrian nor its user needs anything but Go.
package ui

import (
	"embed"
	"io/fs"
)

//go:generate go tool -modfile=../../tools/go.mod esbuild src/app.ts --bundle --minify --format=iife --target=es2022 --charset=utf8 --outfile=page/studio.js
//go:generate go tool -modfile=../../tools/go.mod esbuild src/worker.ts --bundle --minify --format=iife --target=es2022 --charset=utf8 --outfile=page/worker.js
//go:generate go tool -modfile=../../tools/go.mod esbuild src/figure.ts --bundle --minify --format=iife --global-name=figures --target=es2022 --charset=utf8 --outfile=page/figure.js
//go:generate go tool -modfile=../../tools/go.mod esbuild src/studio.css src/screens.css src/teach.css --minify --charset=utf8 --outdir=page

//go:embed page
var page embed.FS

// Files are the files of the page by their names, such as "index.html".
func Files() fs.FS {
	f, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // the name is written above
	}
	return f
}
