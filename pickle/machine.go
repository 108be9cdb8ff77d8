package pickle

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"unicode/utf8"
)

// Limits of a program. GPT-2's has 12 KB and about 2,000 objects.
const (
	maxProgram = 64 << 20 // bytes
	maxObjects = 1 << 20  // dictionaries, lists, tuples, texts
	maxMemo    = 1 << 21
	maxText    = 1 << 16 // bytes
	maxStack   = 1 << 20
)

// The values of the machine besides nil, bool, int64, float64 and string.
type (
	tuple  []any
	list   struct{ items []any }
	dict   struct{ keys, values []any }
	global string // module and name, of those in globals
	mark   struct{}
)

// A machine runs one pickle.
type machine struct {
	r       *bufio.Reader
	at      int64 // bytes read
	limit   int64
	stack   []any
	memo    map[int64]any
	objects int
	persist func(id tuple) (any, error) // what a persistent id stands for
}

func (m *machine) bytes(n int64) ([]byte, error) {
	if n < 0 || n > m.limit-m.at {
		return nil, fmt.Errorf("cut short, or longer than the %d bytes that are read", m.limit)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(m.r, b); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("cut short")
		}
		return nil, err
	}
	m.at += n
	return b, nil
}

// number reads an unsigned number of n bytes.
func (m *machine) number(n int64) (uint64, error) {
	b, err := m.bytes(n)
	if err != nil {
		return 0, err
	}
	var full [8]byte
	copy(full[:], b)
	return binary.LittleEndian.Uint64(full[:]), nil
}

// text reads a UTF-8 string whose length is a number of n bytes.
func (m *machine) text(n int64) (string, error) {
	size, err := m.number(n)
	if err != nil {
		return "", err
	}
	if size > maxText {
		return "", fmt.Errorf("a text of %d bytes: at most %d are read", size, maxText)
	}
	b, err := m.bytes(int64(size))
	if err == nil && !utf8.Valid(b) {
		err = errors.New("a text that is not UTF-8")
	}
	return string(b), err
}

// line reads a name up to the end of the line; GLOBAL has two of them.
func (m *machine) line() (string, error) {
	var name []byte
	for len(name) <= 200 {
		b, err := m.bytes(1)
		if err != nil {
			return "", err
		}
		if b[0] == '\n' {
			return string(name), nil
		}
		name = append(name, b[0])
	}
	return "", fmt.Errorf("the name %.40q… is longer than 200 bytes", name)
}

func (m *machine) push(v any) error {
	switch v := v.(type) {
	case tuple:
		m.objects += 1 + len(v)
	case *list, *dict, string:
		m.objects++
	}
	if m.objects > maxObjects {
		return fmt.Errorf("more than %d objects", maxObjects)
	}
	if len(m.stack) == maxStack {
		return fmt.Errorf("a stack of more than %d", maxStack)
	}
	m.stack = append(m.stack, v)
	return nil
}

func (m *machine) pop() (any, error) {
	if len(m.stack) == 0 {
		return nil, errors.New("the stack is empty")
	}
	v := m.stack[len(m.stack)-1]
	m.stack = m.stack[:len(m.stack)-1]
	if v == (mark{}) {
		return nil, errors.New("a mark in the place of a value")
	}
	return v, nil
}

// popMark removes the values above the last mark, and the mark, and returns the values.
func (m *machine) popMark() ([]any, error) {
	for i := len(m.stack) - 1; i >= 0; i-- {
		if m.stack[i] == (mark{}) {
			items := append([]any(nil), m.stack[i+1:]...)
			m.stack = m.stack[:i]
			return items, nil
		}
	}
	return nil, errors.New("there is no mark")
}

// top returns the top of the stack, which an instruction changes.
func top[T any](m *machine, what string) (t T, err error) {
	if len(m.stack) == 0 {
		return t, errors.New("the stack is empty")
	}
	t, ok := m.stack[len(m.stack)-1].(T)
	if !ok {
		err = fmt.Errorf("%s is expected on the stack, and there is another value", what)
	}
	return t, err
}

// run runs the program to its end and returns its result.
func (m *machine) run() (any, error) {
	m.memo = map[int64]any{}
	for {
		at := m.at
		op, err := m.bytes(1)
		if err == nil && op[0] == '.' { // STOP
			v, err := m.pop()
			if err == nil && len(m.stack) > 0 {
				err = errors.New("values are left on the stack")
			}
			return v, err
		}
		if err == nil {
			err = m.step(op[0])
		}
		if err != nil {
			return nil, fmt.Errorf("the pickle, at byte %d: %w", at, err)
		}
	}
}

// step executes one instruction.
func (m *machine) step(op byte) error {
	switch op {
	case 0x80: // PROTO
		v, err := m.number(1)
		if err == nil && (v < 2 || v > 5) {
			err = fmt.Errorf("protocol %d: 2 to 5 are read", v)
		}
		return err
	case 0x95: // FRAME
		_, err := m.number(8)
		return err
	case '(':
		return m.push(mark{})
	case 'N':
		return m.push(nil)
	case 0x88, 0x89: // NEWTRUE, NEWFALSE
		return m.push(op == 0x88)
	case '}':
		return m.push(&dict{})
	case ']':
		return m.push(&list{})
	case ')':
		return m.push(tuple{})
	case 'K', 'M', 'J', 0x8a, 'G':
		return m.literal(op)
	case 'X', 0x8c, 'U', 'T': // BINUNICODE, SHORT_BINUNICODE, and the strings of Python 2
		s, err := m.text(map[byte]int64{'X': 4, 0x8c: 1, 'U': 1, 'T': 4}[op])
		if err != nil {
			return err
		}
		return m.push(s)
	case 't', 0x85, 0x86, 0x87: // TUPLE, TUPLE1, TUPLE2, TUPLE3
		return m.tuple(op)
	case 'a', 'e', 's', 'u': // APPEND, APPENDS, SETITEM, SETITEMS
		return m.fill(op)
	case 'q', 'r', 0x94: // BINPUT, LONG_BINPUT, MEMOIZE
		key := uint64(len(m.memo))
		var err error
		if op != 0x94 {
			key, err = m.number(map[byte]int64{'q': 1, 'r': 4}[op])
		}
		if err != nil {
			return err
		}
		if len(m.stack) == 0 || len(m.memo) == maxMemo {
			return fmt.Errorf("nothing to remember, or more than %d", maxMemo)
		}
		m.memo[int64(key)] = m.stack[len(m.stack)-1]
		return nil
	case 'h', 'j': // BINGET, LONG_BINGET
		key, err := m.number(map[byte]int64{'h': 1, 'j': 4}[op])
		if err != nil {
			return err
		}
		v, ok := m.memo[int64(key)]
		if !ok || v == (mark{}) {
			return fmt.Errorf("nothing is remembered as %d", key)
		}
		return m.push(v)
	case 'c', 0x93: // GLOBAL, STACK_GLOBAL
		return m.global(op)
	case 'Q': // BINPERSID
		id, err := m.pop()
		if err != nil {
			return err
		}
		t, ok := id.(tuple)
		if !ok {
			return errors.New("a persistent id that is not of a storage")
		}
		v, err := m.persist(t)
		if err != nil {
			return err
		}
		return m.push(v)
	case 'R': // REDUCE
		return m.reduce()
	case 'b': // BUILD: a state dictionary has one with the versions of its modules
		state, err := m.pop()
		if err != nil {
			return err
		}
		if _, ok := state.(*dict); !ok {
			return errors.New("a state that is not a dictionary")
		}
		_, err = top[*dict](m, "a dictionary")
		return err
	}
	return fmt.Errorf("the instruction 0x%02x, which no state dictionary of tensors needs: the file is not read, and nothing of it is run", op)
}

// literal pushes a number.
func (m *machine) literal(op byte) error {
	switch op {
	case 'K', 'M': // BININT1, BININT2
		v, err := m.number(map[byte]int64{'K': 1, 'M': 2}[op])
		if err != nil {
			return err
		}
		return m.push(int64(v))
	case 'J': // BININT
		v, err := m.number(4)
		if err != nil {
			return err
		}
		return m.push(int64(int32(v)))
	case 'G': // BINFLOAT, the highest byte first
		b, err := m.bytes(8)
		if err != nil {
			return err
		}
		return m.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
	}
	n, err := m.number(1) // LONG1: two's complement of as many bytes
	if err != nil {
		return err
	}
	b, err := m.bytes(int64(n))
	if err != nil {
		return err
	}
	if n > 8 {
		return m.push(string(b)) // the magic number of the old form has ten
	}
	v := int64(0)
	for i := len(b) - 1; i >= 0; i-- {
		if i == len(b)-1 {
			v = int64(int8(b[i]))
			continue
		}
		v = v<<8 | int64(b[i])
	}
	return m.push(v)
}

func (m *machine) tuple(op byte) error {
	if op == 't' {
		items, err := m.popMark()
		if err != nil {
			return err
		}
		return m.push(tuple(items))
	}
	t := make(tuple, op-0x84)
	for i := len(t) - 1; i >= 0; i-- {
		var err error
		if t[i], err = m.pop(); err != nil {
			return err
		}
	}
	return m.push(t)
}

// fill puts values into a list or a dictionary.
func (m *machine) fill(op byte) error {
	var items []any
	var err error
	if op == 'e' || op == 'u' {
		items, err = m.popMark()
	} else {
		items = make([]any, map[byte]int{'a': 1, 's': 2}[op])
		for i := len(items) - 1; i >= 0 && err == nil; i-- {
			items[i], err = m.pop()
		}
	}
	if err == nil && len(items) > maxObjects-m.objects {
		err = fmt.Errorf("more than %d objects", maxObjects)
	}
	if err != nil {
		return err
	}
	m.objects += len(items)
	if op == 'a' || op == 'e' {
		l, err := top[*list](m, "a list")
		if err != nil {
			return err
		}
		l.items = append(l.items, items...)
		return nil
	}
	d, err := top[*dict](m, "a dictionary")
	if err == nil && len(items)%2 != 0 {
		err = errors.New("a key without a value")
	}
	if err != nil {
		return err
	}
	for i := 0; i < len(items); i += 2 {
		d.keys, d.values = append(d.keys, items[i]), append(d.values, items[i+1])
	}
	return nil
}

func (m *machine) global(op byte) error {
	var module, name string
	var err error
	if op == 'c' {
		if module, err = m.line(); err == nil {
			name, err = m.line()
		}
	} else {
		var parts [2]string
		for i := 1; i >= 0 && err == nil; i-- {
			var v any
			if v, err = m.pop(); err == nil {
				var ok bool
				if parts[i], ok = v.(string); !ok {
					err = errors.New("the name of a global is no text")
				}
			}
		}
		module, name = parts[0], parts[1]
	}
	if err != nil {
		return err
	}
	g := global(module + "." + name)
	if _, ok := storageTypes[g]; !ok && g != orderedDict && g != rebuildTensor && g != rebuildParameter {
		return fmt.Errorf("it names %.120q, which no state dictionary of tensors needs: the file is not read, and nothing of it is run", string(g))
	}
	return m.push(g)
}
