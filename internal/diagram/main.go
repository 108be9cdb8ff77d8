// Diagram draws the pictures of README and of the chapters from the source: names, equation
// numbers and shapes are those of the registry and the tables, numbers those of the lesson's
// network, bytes those of the engine's plan.
//
//	go run ./internal/diagram
//
// It writes docs/img/*.svg. A test holds what is committed against what it draws.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

//go:generate go run . -C ../..

// A drawing is a picture and the name of its file.
type drawing struct {
	name string
	draw func() (string, error)
}

var drawings = []drawing{
	{"block", block},
	{"head", head},
	{"skip", skip},
	{"tied", tied},
	{"lora", lora},
	{"memory", memory},
}

func main() {
	root := "."
	if len(os.Args) == 3 && os.Args[1] == "-C" {
		root = os.Args[2]
	} else if len(os.Args) != 1 {
		fmt.Fprintln(os.Stderr, "usage: diagram [-C DIR], DIR being the module's folder")
		os.Exit(2)
	}
	if err := write(filepath.Join(root, "docs", "img")); err != nil {
		fmt.Fprintln(os.Stderr, "diagram:", err)
		os.Exit(1)
	}
}

func write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, d := range drawings {
		svg, err := d.draw()
		if err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, d.name+".svg"), []byte(svg), 0o644); err != nil {
			return err
		}
	}
	return nil
}
