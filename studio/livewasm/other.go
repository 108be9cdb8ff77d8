//go:build !(js && wasm)

// Livewasm is the larger core of the studio for a web worker. It runs in a browser alone.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "studio/livewasm runs in a browser: GOOS=js GOARCH=wasm go build ./studio/livewasm, or pedestrian studio --export DIR")
	os.Exit(2)
}
