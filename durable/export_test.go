package durable

// WriteFileIn is WriteFile in a directory that is open.
var WriteFileIn = writeFile
