package corpus

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxLine is the largest number of bytes in a line of JSONL. An example is a page or a
// book, not a gigabyte; a file with longer lines is not JSONL.
const maxLine = 64 << 20

// readJSONL gives each example of r to c. Errors name file and line.
func readJSONL(r io.Reader, file string, c *collector) error {
	in := bufio.NewReaderSize(r, 1<<16)
	for n := 1; ; n++ {
		line, err := readLine(in)
		at := Place{file, n}
		if err == io.EOF && len(line) == 0 {
			break
		} else if err != nil && err != io.EOF {
			return fmt.Errorf("%v: %w", at, err)
		}
		if n == 1 {
			if err := checkStart(line); err != nil {
				return fmt.Errorf("%v: %w", at, err)
			}
			line = bytes.TrimPrefix(line, []byte(bom))
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		o, err := parseObject(line)
		if err != nil {
			return fmt.Errorf("%v: %w", at, err)
		}
		if err := c.add(o, at); err != nil {
			return err
		}
	}
	return c.end(file, "write one JSON object a line")
}

// readLine reads a line and returns it without its line end.
func readLine(in *bufio.Reader) (line []byte, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			return nil, fmt.Errorf("the line has more than %d bytes: write one example a line", maxLine)
		}
		line = append(line, part...)
		if err != bufio.ErrBufferFull {
			return bytes.TrimSuffix(line, []byte("\n")), err
		}
	}
}

// checkStart recognises files of other kinds by their first line.
func checkStart(line []byte) error {
	switch s := bytes.TrimSpace(bytes.TrimPrefix(line, []byte(bom))); {
	case bytes.HasPrefix(line, []byte("\xff\xfe")), bytes.HasPrefix(line, []byte("\xfe\xff")):
		return errors.New("the byte order mark of UTF-16: convert the file with iconv -f UTF-16 -t UTF-8")
	case string(s) == "{":
		return errors.New("an object over several lines: write one whole object a line, for example with jq -c '.'")
	}
	return nil
}
