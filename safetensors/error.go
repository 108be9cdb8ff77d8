package safetensors

import "fmt"

// A reason names the rule of the format that a file breaks.
type reason string

// The rules of the format, in the order in which the reader checks them.
const (
	reasonTooShort       reason = "no length"            // fewer than 8 bytes
	reasonHeaderTooLarge reason = "header too large"     // more than maxHeader bytes
	reasonHeaderCutShort reason = "header cut short"     // longer than the file
	reasonUnreadable     reason = "unreadable"           // the underlying reader failed
	reasonNotAnObject    reason = "not an object"        // the header's first byte is not {
	reasonNotUTF8        reason = "not UTF-8"            // or half of a surrogate pair
	reasonSyntax         reason = "not JSON"             // grammar
	reasonAfterTheEnd    reason = "text after the end"   // of the header's object
	reasonWrongType      reason = "wrong type"           // a value of another kind than expected
	reasonNumber         reason = "not a whole number"   // of at most 63 bits, in plain digits
	reasonDuplicate      reason = "duplicate key"        // after escapes are resolved
	reasonUnknownKey     reason = "unknown key"          // case counts
	reasonMissingKey     reason = "missing key"          // dtype, shape, data_offsets
	reasonUnknownType    reason = "unknown dtype"        // not one of the format
	reasonTooMany        reason = "too many"             // tensors, dimensions, offsets, bytes of a name
	reasonOverflow       reason = "overflow"             // of the number of elements or of bits
	reasonMisaligned     reason = "misaligned"           // elements that do not fill whole bytes
	reasonWrongSize      reason = "wrong size"           // range and shape differ
	reasonRange          reason = "hole or overlap"      // between one tensor and the next, or an end before its beginning
	reasonDataSize       reason = "wrong amount of data" // the tensors' end is not the file's
)

// A formatError says in one line why a file is refused.
type formatError struct {
	reason reason
	text   string // what, where, with which value
	err    error  // error of the underlying reader, if it failed
}

func (e *formatError) Error() string { return e.text }

// Unwrap returns the error of the underlying reader, or nil.
func (e *formatError) Unwrap() error { return e.err }

func refuse(r reason, format string, args ...any) error {
	return &formatError{reason: r, text: fmt.Sprintf(format, args...)}
}

// clip shortens a text of a file to 80 bytes, for messages.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
