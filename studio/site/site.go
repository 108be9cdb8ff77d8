// Package site writes the studio as a folder that any static file server can serve: the page,
// and its core compiled to WebAssembly, which runs in a worker beside it.
package site

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/studio/server"
	"github.com/pedestrian-ml/pedestrian/studio/ui"
)

const module = "github.com/pedestrian-ml/pedestrian"

// Write makes the folder dir; an empty one gives way, any other is an error. The core is built
// by the Go toolchain of this machine from the source of this program: that of the module in
// the current directory, or of the version that the binary was installed from.
func Write(ctx context.Context, dir string) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 { // before the compiler runs
		return fmt.Errorf("exporting the studio: %s is not empty: name a new folder", dir)
	}
	files, err := core(ctx)
	if err != nil {
		return err
	}
	if err := page(files); err != nil {
		return err
	}
	if err := durable.WriteFolder(dir, all(files)); err != nil {
		return fmt.Errorf("exporting the studio: %w", err)
	}
	return nil
}

// all lists the files by their names.
func all(files map[string][]byte) (list []durable.File) {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		list = append(list, durable.File{Name: name, Write: func(w io.Writer) error {
			_, err := w.Write(files[name])
			return err
		}})
	}
	return list
}

// page adds the files of the page. They stand in a folder without headers, so that the policy
// is written into the page, without what only a header can say.
func page(files map[string][]byte) error {
	return fs.WalkDir(ui.Files(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(ui.Files(), name)
		if err != nil {
			return fmt.Errorf("exporting the studio: %w", err)
		}
		if name == "index.html" {
			server, worker := []byte(`<meta name="studio-core" content="server">`), []byte(`<meta name="studio-core" content="worker">`)
			if !bytes.Contains(b, server) {
				return errors.New("exporting the studio: the page does not say where its core is")
			}
			b = bytes.Replace(b, server, append(policy(), worker...), 1)
		}
		files[name] = b
		return nil
	})
}

func policy() []byte {
	p := strings.ReplaceAll(server.Policy, "; frame-ancestors 'none'", "")
	return []byte(`<meta http-equiv="Content-Security-Policy" content="` + p + `">` + "\n")
}

// core builds studio.wasm and live.wasm, and takes wasm_exec.js of the same toolchain.
func core(ctx context.Context) (map[string][]byte, error) {
	root, err := output(ctx, "", "env", "GOROOT")
	if err != nil {
		return nil, fmt.Errorf("exporting the studio needs the Go toolchain, which compiles its core to WebAssembly: install Go 1.26 or newer (https://go.dev/dl): %w", err)
	}
	glue, err := os.ReadFile(filepath.Join(root, "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		return nil, fmt.Errorf("exporting the studio: this Go toolchain has no wasm_exec.js: %w", err)
	}
	source, err := source(ctx)
	if err != nil {
		return nil, err
	}
	temp, err := os.MkdirTemp("", "pedestrian-studio-")
	if err != nil {
		return nil, fmt.Errorf("exporting the studio: %w", err)
	}
	defer os.RemoveAll(temp)
	files := map[string][]byte{"wasm_exec.js": glue}
	for _, name := range []string{"studio.wasm", "live.wasm"} {
		program := map[string]string{"studio.wasm": "./studio/wasm", "live.wasm": "./studio/livewasm"}[name]
		file := filepath.Join(temp, name)
		if _, err := output(ctx, source, "build", "-trimpath", "-ldflags=-s -w", "-o", file, program); err != nil {
			return nil, fmt.Errorf("exporting the studio: building its core: %w", err)
		}
		if files[name], err = os.ReadFile(file); err != nil {
			return nil, fmt.Errorf("exporting the studio: %w", err)
		}
	}
	return files, nil
}

// source is the folder of the module's source.
func source(ctx context.Context) (string, error) {
	if dir, err := output(ctx, "", "list", "-m", "-f", "{{.Dir}}", module); err == nil && dir != "" {
		return dir, nil
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Path != module || info.Main.Version == "" || info.Main.Version == "(devel)" || strings.Contains(info.Main.Version, "+dirty") {
		return "", errors.New("exporting the studio needs the source of pedestrian: run the command in a checkout of it")
	}
	text, err := output(ctx, "", "mod", "download", "-json", module+"@"+info.Main.Version)
	if err != nil {
		return "", fmt.Errorf("exporting the studio: fetching the source of %s: %w", info.Main.Version, err)
	}
	var m struct{ Dir string }
	if err := json.Unmarshal([]byte(text), &m); err != nil || m.Dir == "" {
		return "", fmt.Errorf("exporting the studio: the source of %s has no folder", info.Main.Version)
	}
	return m.Dir, nil
}

// output runs the go command; for a build, as one for the browser.
func output(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	if args[0] == "build" {
		cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "GOFLAGS=-mod=readonly")
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if s := strings.TrimSpace(stderr.String()); s != "" {
			return "", fmt.Errorf("go %s: %s", args[0], s)
		}
		return "", err
	}
	return strings.TrimSpace(stdout.String()), nil
}
