//go:build js && wasm

// Livewasm is studio/wasm with package live: a core that trains and writes as well. A page loads
// it when a screen needs it, for it is several times as large.
package main

import (
	"syscall/js"

	"github.com/pedestrian-ml/pedestrian/studio/live"
)

func main() {
	core, err := live.NewCore()
	if err != nil {
		panic(err) // it depends on nothing that is outside of the program
	}
	bytes := js.Global().Get("Uint8Array")
	js.Global().Set("pedestrianStudio", js.FuncOf(func(_ js.Value, args []js.Value) any {
		response, _ := core.Handle([]byte(args[0].String()))
		b := bytes.New(len(response))
		js.CopyBytesToJS(b, response)
		return b
	}))
	select {} // the worker ends with its page
}
