package studio

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
)

// A response is four bytes that say how long the header is, the header in JSON, blanks up to a
// multiple of eight bytes, and numbers as float64, little endian. Of a trace it is less than
// half of what JSON would be, and it can say -∞.

// encode writes a response.
func encode(header any, numbers []float64) ([]byte, error) {
	h, err := json.Marshal(header)
	if err != nil {
		return nil, fmt.Errorf("writing a response: %w", err)
	}
	for (4+len(h))%8 != 0 {
		h = append(h, ' ')
	}
	b := make([]byte, 0, 4+len(h)+8*len(numbers))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(h)))
	b = append(b, h...)
	for _, x := range numbers {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return b, nil
}

// Decode takes a response apart: its header, and the numbers behind it.
func Decode(response []byte) (header []byte, numbers []float64, err error) {
	if len(response) < 4 {
		return nil, nil, fmt.Errorf("a response of %d bytes has no header", len(response))
	}
	n := int(binary.LittleEndian.Uint32(response))
	if n > len(response)-4 || (len(response)-4-n)%8 != 0 {
		return nil, nil, fmt.Errorf("a response of %d bytes, whose header would have %d", len(response), n)
	}
	for at := 4 + n; at < len(response); at += 8 {
		numbers = append(numbers, math.Float64frombits(binary.LittleEndian.Uint64(response[at:])))
	}
	return response[4 : 4+n], numbers, nil
}
