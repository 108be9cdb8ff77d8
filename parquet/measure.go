package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Metadata are in Thrift's compact protocol, in which a list begins with the number of its
// elements. measure goes through them without decoding, so that no memory is allocated for
// elements that do not exist.

var errShort = errors.New("it ends inside of a value: the file is damaged, fetch it again")

// maxStructs is how many structures metadata may have: the columns of all row groups,
// several each. A file of a hundred columns and a thousand row groups has 400,000.
const maxStructs = 2_000_000

// Types of the compact protocol.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
)

// measure returns the length in bytes of the structure at the beginning of data. The error is
// errShort if data end before it.
func measure(data []byte) (int, error) {
	m := measurer{data: data}
	err := m.structure(0)
	return m.at, err
}

type measurer struct {
	data    []byte
	at      int
	structs int
}

func (m *measurer) byte() (byte, error) {
	if m.at == len(m.data) {
		return 0, errShort
	}
	m.at++
	return m.data[m.at-1], nil
}

func (m *measurer) varint() (uint64, error) {
	v, n := binary.Uvarint(m.data[m.at:])
	if n == 0 {
		return 0, errShort
	}
	if n < 0 {
		return 0, fmt.Errorf("a number of more than 64 bits at byte %d: the file is damaged, fetch it again", m.at)
	}
	m.at += n
	return v, nil
}

func (m *measurer) skip(n uint64) error {
	if n > uint64(len(m.data)-m.at) {
		return errShort
	}
	m.at += int(n)
	return nil
}

func (m *measurer) structure(depth int) error {
	if m.structs++; m.structs > maxStructs {
		return fmt.Errorf("more than %d structures", maxStructs)
	}
	for {
		head, err := m.byte()
		if err != nil || head == 0 {
			return err
		}
		if head>>4 == 0 { // the number of the field, where it is not a few more than the last
			if _, err := m.varint(); err != nil {
				return err
			}
		}
		if kind := head & 15; kind != thriftTrue && kind != thriftFalse { // which are in the type
			if err := m.value(kind, depth); err != nil {
				return err
			}
		}
	}
}

func (m *measurer) value(kind byte, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("more than %d structures in each other", maxDepth)
	}
	switch kind {
	case thriftTrue, thriftFalse, thriftByte:
		return m.skip(1)
	case thriftI16, thriftI32, thriftI64:
		_, err := m.varint()
		return err
	case thriftDouble:
		return m.skip(8)
	case thriftBinary:
		n, err := m.varint()
		if err != nil {
			return err
		}
		return m.skip(n)
	case thriftList, thriftSet:
		head, err := m.byte()
		if err != nil {
			return err
		}
		n := uint64(head >> 4)
		if n == 15 {
			if n, err = m.varint(); err != nil {
				return err
			}
		}
		return m.elements(n, depth, head&15)
	case thriftMap:
		n, err := m.varint()
		if err != nil || n == 0 {
			return err
		}
		head, err := m.byte()
		if err != nil {
			return err
		}
		return m.elements(n, depth, head>>4, head&15)
	case thriftStruct:
		return m.structure(depth + 1)
	}
	return fmt.Errorf("the type %d at byte %d: the file is damaged, fetch it again", kind, m.at)
}

// elements skips n times values of the given types. Each takes at least one byte.
func (m *measurer) elements(n uint64, depth int, kinds ...byte) error {
	if n > uint64(len(m.data)-m.at) {
		return errShort
	}
	for range n {
		for _, kind := range kinds {
			if err := m.value(kind, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}
