// Package tfevents writes event files of scalars as TensorBoard reads them: records of
// TFRecord, each an Event of tensorboard/compat/proto/event.proto.
package tfevents

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// A Scalar is a point of the curve Tag.
type Scalar struct {
	Tag   string
	Value float32 // of the tag at the step
}

// AppendHeader appends the first two events of a file: the version of the format, and the start
// of a session, at which TensorBoard forgets what it has read of the run before. wall is in
// seconds since 1970.
func AppendHeader(b []byte, wall float64) []byte {
	b = appendEvent(b, wall, 0, func(e []byte) []byte { return appendBytes(e, 3, "brain.Event:2") })
	return appendEvent(b, wall, 0, func(e []byte) []byte { return appendBytes(e, 7, "\x08\x01") }) // SessionLog{status: START}
}

// Append appends the scalars of one step.
func Append(b []byte, wall float64, step int, scalars ...Scalar) []byte {
	return appendEvent(b, wall, step, func(e []byte) []byte {
		var summary []byte
		for _, s := range scalars {
			value := appendBytes(nil, 1, s.Tag)
			value = append(value, 2<<3|5)
			value = binary.LittleEndian.AppendUint32(value, math.Float32bits(s.Value))
			summary = appendBytes(summary, 1, string(value))
		}
		return appendBytes(e, 5, string(summary))
	})
}

// appendEvent appends a record with an Event: field 1 is the time, field 2 the step, and more
// appends the other fields.
func appendEvent(b []byte, wall float64, step int, more func([]byte) []byte) []byte {
	e := binary.LittleEndian.AppendUint64([]byte{1<<3 | 1}, math.Float64bits(wall))
	if step != 0 {
		e = binary.AppendUvarint(append(e, 2<<3), uint64(step))
	}
	return appendRecord(b, more(e))
}

// appendBytes appends a length-delimited field of protocol buffers.
func appendBytes(b []byte, field int, text string) []byte {
	b = append(b, byte(field<<3|2))
	b = binary.AppendUvarint(b, uint64(len(text)))
	return append(b, text...)
}

// appendRecord appends a TFRecord: the length, its checksum, the data, their checksum.
func appendRecord(b, data []byte) []byte {
	length := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	b = binary.LittleEndian.AppendUint32(append(b, length...), masked(length))
	return binary.LittleEndian.AppendUint32(append(b, data...), masked(data))
}

// masked returns the masked CRC32C of TFRecord: rotated by 15 bits, plus a constant, because a
// checksum of data that contain checksums would be unsafe.
func masked(data []byte) uint32 {
	c := crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
	return (c>>15 | c<<17) + 0xa282ead8
}

// headerBytes is the length in bytes of the first record of AppendHeader.
const headerBytes = 8 + 4 + 9 + 15 + 4

// Began returns the time that AppendHeader wrote at the beginning of a file.
func Began(r io.Reader) (wall float64, err error) {
	b := make([]byte, headerBytes)
	if _, err := io.ReadFull(r, b); err != nil {
		return 0, fmt.Errorf("reading the event file: %w", err)
	}
	wall = math.Float64frombits(binary.LittleEndian.Uint64(b[13:]))
	if string(AppendHeader(nil, wall)[:headerBytes]) != string(b) || math.IsNaN(wall) {
		return 0, errors.New("reading the event file: it does not begin as one")
	}
	return wall, nil
}
