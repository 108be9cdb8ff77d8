//go:build js && wasm

// Wasm is the core of the studio for a web worker: it answers requests as the server does, by
// the same code. "pedestrian studio --export" builds it.
package main

import (
	"syscall/js"

	"github.com/pedestrian-ml/pedestrian/studio"
)

func main() {
	var core studio.Core
	bytes := js.Global().Get("Uint8Array")
	js.Global().Set("pedestrianStudio", js.FuncOf(func(_ js.Value, args []js.Value) any {
		response, _ := core.Handle([]byte(args[0].String()))
		b := bytes.New(len(response))
		js.CopyBytesToJS(b, response)
		return b
	}))
	select {} // the worker ends with its page
}
