// Package sheet prints both passes of one text: as lines for a terminal, and as a page in one
// file, which needs no network, no server and no JavaScript. A value stands beside its error, as
// in the studio, and a screen of the studio has the same name here: "block", "table/1",
// "node/b0.h1.rho", "cell/b0.h1.rho/5,2".
//
//	s, err := studio.Open(studio.State{})
//	err = sheet.New(s).Text(os.Stdout, "table/1", sheet.Terminal{Width: 80})
package sheet
