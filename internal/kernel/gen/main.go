// Gen writes the assembly of package kernel. The last argument names what to
// write, the others are avo's: run "go generate" in the directory above.
package main

import (
	"fmt"
	"os"

	. "github.com/mmcloughlin/avo/build"
)

var programs = map[string]func(){
	"mul512":  mul512,
	"pack512": pack512,
	"peak512": peak512,
	"mul256":  mul256,
	"pack256": pack256,
	"peak256": peak256,
	"neon":    neon,
	"amx":     amx,
	"dots":    dots,
	"bf16":    bf16,
	"vec512":  vec512,
	"vec256":  vec256,

	"narrow512": narrow512,
	"narrow256": narrow256,
	"blocks512": blocks512,
	"blocks256": blocks256,
}

func main() {
	program := programs[os.Args[len(os.Args)-1]]
	if program == nil {
		fmt.Fprintln(os.Stderr, "gen: the last argument names a program; see main.go")
		os.Exit(2)
	}
	program()
	Generate()
}
