package safetensors

import "fmt"

// A Reason names the rule that a file breaks.
type Reason string

// The rules of the format, in the order in which the reader checks them.
const (
	TooShort       Reason = "no length"            // fewer than 8 bytes
	HeaderTooLarge Reason = "header too large"     // more than MaxHeader bytes
	HeaderCutShort Reason = "header cut short"     // longer than the file
	Unreadable     Reason = "unreadable"           // the reader below failed
	NotAnObject    Reason = "not an object"        // the header's first byte is not {
	NotUTF8        Reason = "not UTF-8"            // or half of a surrogate pair
	Syntax         Reason = "not JSON"             // grammar
	AfterTheEnd    Reason = "text after the end"   // of the header's object
	WrongType      Reason = "wrong type"           // a value that is not of the kind that is due
	Number         Reason = "not a whole number"   // of at most 63 bits, in plain digits
	Duplicate      Reason = "duplicate key"        // after escapes are resolved
	UnknownKey     Reason = "unknown key"          // case counts
	MissingKey     Reason = "missing key"          // dtype, shape, data_offsets
	UnknownType    Reason = "unknown dtype"        // not one of the format
	TooMany        Reason = "too many"             // tensors, dimensions, offsets, bytes of a name
	Overflow       Reason = "overflow"             // of the number of elements or of bits
	Misaligned     Reason = "misaligned"           // elements that do not fill whole bytes
	WrongSize      Reason = "wrong size"           // range and shape differ
	Range          Reason = "hole or overlap"      // between one tensor and the next, or an end before its beginning
	DataSize       Reason = "wrong amount of data" // the tensors' end is not the file's
)

// An Error says why a file is refused, in one line.
type Error struct {
	Reason Reason
	Text   string // what, where, with which value
	Err    error  // of the reader below, if it failed
}

func (e *Error) Error() string { return e.Text }

// Unwrap returns the error of the reader below, or nil.
func (e *Error) Unwrap() error { return e.Err }

func refuse(r Reason, format string, args ...any) error {
	return &Error{Reason: r, Text: fmt.Sprintf(format, args...)}
}

// clip shortens what a file says to what fits a line.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
