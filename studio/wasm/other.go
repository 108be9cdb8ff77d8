//go:build !(js && wasm)

// Wasm is the core of the studio for a web worker. It runs in a browser alone.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "studio/wasm runs in a browser: GOOS=js GOARCH=wasm go build ./studio/wasm, or pedestrian studio --export DIR")
	os.Exit(2)
}
