package train

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/pedestrian-ml/pedestrian"
)

// shapeOf is a tensor's shape as safetensors writes it: vectors have one dimension.
func shapeOf(t pedestrian.Tensor[float32]) []int {
	if t.Vec {
		return []int{t.Cols}
	}
	return []int{t.Rows, t.Cols}
}

// writeTensors writes ts as a safetensors file: eight bytes of header length, a JSON
// header, then the numbers as little-endian float32 in the order given.
func writeTensors(w io.Writer, metadata map[string]string, ts []pedestrian.Tensor[float32]) error {
	// Built by hand: the order of a map's keys is not the order of the tensors.
	header := []byte(`{"__metadata__":`)
	meta, err := json.Marshal(metadata)
	if err != nil {
		return err
	}
	header = append(header, meta...)
	offset := 0
	for _, t := range ts {
		info := tensorInfo{"F32", shapeOf(t), [2]int{offset, offset + 4*len(t.V)}}
		offset = info.Offsets[1]
		name, err := json.Marshal(t.Name)
		if err != nil {
			return err
		}
		entry, err := json.Marshal(info)
		if err != nil {
			return err
		}
		header = slices.Concat(header, []byte(","), name, []byte(":"), entry)
	}
	header = append(header, '}')
	for len(header)%8 != 0 {
		header = append(header, ' ')
	}
	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))); err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	buf := make([]byte, 0, 1<<16)
	for _, t := range ts {
		for chunk := range slices.Chunk(t.V, cap(buf)/4) {
			buf = buf[:0]
			for _, v := range chunk {
				buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
			}
			if _, err := w.Write(buf); err != nil {
				return err
			}
		}
	}
	return nil
}

// readTensors fills ts from a safetensors file of size bytes, which must hold these
// tensors with these shapes and no others.
func readTensors(r io.ReaderAt, size int64, ts []pedestrian.Tensor[float32]) (metadata map[string]string, err error) {
	whole := io.NewSectionReader(r, 0, size)
	infos, metadata, err := readHeader(whole, size)
	if err != nil {
		return nil, err
	}
	start, err := whole.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, err
	}
	for _, t := range ts {
		i, ok := infos[t.Name]
		if !ok {
			return nil, fmt.Errorf("tensor %s is missing", t.Name)
		}
		if !slices.Equal(i.Shape, shapeOf(t)) {
			return nil, fmt.Errorf("tensor %s is %s in the file and %s by its configuration: a checkpoint of other sizes",
				t.Name, shapeText(i.Shape), t.Shape())
		}
	}
	if len(infos) != len(ts) {
		for name := range infos {
			if !slices.ContainsFunc(ts, func(t pedestrian.Tensor[float32]) bool { return t.Name == name }) {
				return nil, fmt.Errorf("tensor %s is not one of this network", name)
			}
		}
	}
	buf := make([]byte, 1<<16)
	for _, t := range ts {
		data := io.NewSectionReader(r, start+int64(infos[t.Name].Offsets[0]), int64(4*len(t.V)))
		for chunk := range slices.Chunk(t.V, len(buf)/4) {
			b := buf[:4*len(chunk)]
			if _, err := io.ReadFull(data, b); err != nil {
				return nil, fmt.Errorf("tensor %s is cut short: %w", t.Name, err)
			}
			for i := range chunk {
				chunk[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
			}
		}
	}
	return metadata, nil
}

// shapeText is a shape as pedestrian.Tensor.Shape writes it.
func shapeText(shape []int) string {
	s := ""
	for i, n := range shape {
		if i > 0 {
			s += "x"
		}
		s += strconv.Itoa(n)
	}
	if s == "" {
		return "one number"
	}
	return s
}
