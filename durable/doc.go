// Package durable makes files and directories that survive: a kill at any moment, a
// failure of power, a full disk, links that somebody has planted. It knows no network
// and nothing of training: a run directory, an exported model and the cache of models
// are written by it.
//
// What holds after a call that returns nil:
//
//   - [Save] has made a directory with a manifest of sizes and digests, [WriteFolder] one
//     without, and [WriteFile] a file. It is complete, under its name, on the disk: no
//     failure of power takes it away again.
//   - [Replace] has put a new file in place of an old one. After a failure of power one
//     of the two is there, whole; it is the new one once the directory was synced.
//   - [Remove] has taken the names away, on the disk, and then what they named: nothing
//     comes back with half of its files.
//   - [MakeDirs] has made directories whose names are on the disk.
//
// After a call that returns an error, or that a crash ends, what was there before is as
// it was. What was half written has a temporary name, ".tmp-" before its own: the call
// itself takes it away after an error, and [Sweep] does after a crash. Nothing is tried
// twice, least of all a sync: on Linux a second one may succeed on what the first lost.
//
// [Open] reads what Save has made. Each byte is compared with its digest as it is read,
// and whatever differs is told as [Damaged], by the name of the file and the place.
//
// All of this is done in an [FS], which is small, so that tests let each of its
// operations fail and count through the states in which a failure of power may leave it.
package durable
