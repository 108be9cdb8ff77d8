// Safetensors copies a file of weights with its numbers rounded to bf16: half of the size of
// float32. It holds one tensor at a time in memory.
//
//	go run ./examples/safetensors model.safetensors half.safetensors
package main

import (
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/pedestrian-ml/pedestrian/safetensors"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: safetensors FROM TO")
	}
	if err := halve(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

// halve writes the tensors of the file from into the new file to, in bf16.
func halve(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	file, err := safetensors.Read(in, info.Size())
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	var failed error // of reading, while another tensor is written
	var entries []safetensors.Entry[float32]
	for _, t := range file.Tensors {
		e := safetensors.Entry[float32]{Name: t.Name, DType: safetensors.BF16, Shape: t.Shape}
		e.Make = func() []float32 {
			numbers := make([]float32, e.Len())
			failed = errors.Join(failed, safetensors.Decode(file, t, 0, numbers))
			return numbers
		}
		entries = append(entries, e)
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	err = safetensors.Write(out, file.Metadata, entries)
	if err = errors.Join(err, failed, out.Close()); err != nil {
		os.Remove(to)
	}
	return err
}
