// Release builds the binaries that are given away: one archive for each system and
// processor, and a file of checksums.
//
//	go run ./internal/release            # all of them, into dist/
//	go run ./internal/release -twice     # each is built again, without the cache, and compared
//	go run ./internal/release -targets linux/amd64,windows/arm64 -out /tmp/dist
//
// A binary is static, but for pedestrian-mpi, which loads an MPI library. It holds no path of
// the machine that built it, and is the same bits wherever the same commit is built with
// the same Go. Its version is what Go writes into it: the tag of the commit, or the newest tag's successor with date and commit, and
// "+dirty" where files were changed and not committed. "pedestrian --version" says the
// same, and so do the names of the archives.
package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"debug/buildinfo"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// targets are the systems and processors of a release.
const targets = "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64"

func main() {
	out := flag.String("out", "dist", "the directory of the archives, which is made")
	chosen := flag.String("targets", targets, "systems and processors, with commas between them")
	twice := flag.Bool("twice", false, "build each binary again without the build cache, and compare")
	flag.Parse()
	err := fmt.Errorf("unexpected argument %q", flag.Arg(0))
	if flag.NArg() == 0 {
		err = run(*out, strings.Split(*chosen, ","), *twice)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// run builds the chosen targets and writes their archives and checksums into dir.
func run(dir string, chosen []string, twice bool) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var sums bytes.Buffer
	for _, target := range chosen {
		name, archive, err := build(target, twice)
		if err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), archive, 0o644); err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(archive), name)
		fmt.Printf("%-56s %6.2f MB\n", name, float64(len(archive))/1e6)
	}
	return os.WriteFile(filepath.Join(dir, "SHA256SUMS"), sums.Bytes(), 0o644)
}

// build makes the binary of a target such as linux/amd64, and its archive.
func build(target string, twice bool) (name string, archive []byte, err error) {
	system, processor, ok := strings.Cut(target, "/")
	if !ok {
		return "", nil, fmt.Errorf("a target is a system and a processor, such as linux/amd64")
	}
	dir, err := os.MkdirTemp("", "pedestrian-release-")
	if err != nil {
		return "", nil, err
	}
	defer os.RemoveAll(dir)
	var files []file
	var version string
	var at time.Time
	for _, c := range commands(system) {
		path := filepath.Join(dir, c.name)
		binary, err := compile(path, system, processor, c.flags...)
		if err != nil {
			return "", nil, err
		}
		if twice {
			again, err := compile(path, system, processor, append(c.flags, "-a")...)
			if err != nil {
				return "", nil, err
			}
			if !bytes.Equal(binary, again) {
				return "", nil, fmt.Errorf("built twice, %s has the SHA-256 %x and then %x", c.name, sha256.Sum256(binary), sha256.Sum256(again))
			}
		}
		if version, at, err = stamp(path); err != nil {
			return "", nil, err
		}
		files = append(files, file{c.name, 0o755, binary})
	}
	for _, name := range []string{"CHANGELOG.md", "LICENSE", "README.md"} {
		text, err := os.ReadFile(name)
		if err != nil {
			return "", nil, fmt.Errorf("%w: run it in the root of the repository", err)
		}
		files = append(files, file{name, 0o644, text})
	}
	folder := fmt.Sprintf("pedestrian-%s-%s-%s", version, system, processor)
	if system == "windows" {
		archive, err = zipped(folder, files, at)
		return folder + ".zip", archive, err
	}
	archive, err = tarred(folder, files, at)
	return folder + ".tar.gz", archive, err
}

// A command is a binary of an archive, and the flags that it is built with.
type command struct {
	name  string
	flags []string
}

// commands are the binaries of a system. On Linux there is one more, for several processes: it is
// linked dynamically, since it loads an MPI library.
func commands(system string) []command {
	switch system {
	case "windows":
		return []command{{name: "pedestrian.exe"}}
	case "linux":
		return []command{{name: "pedestrian"}, {"pedestrian-mpi", []string{"-tags=mpi"}}}
	}
	return []command{{name: "pedestrian"}}
}

// compile builds the command into path, by settings that are not the user's, and reads it.
func compile(path, system, processor string, flags ...string) ([]byte, error) {
	args := append([]string{"build", "-buildvcs=true", "-trimpath", "-ldflags=-s -w", "-o", path}, flags...)
	cmd := exec.Command("go", append(args, "./cmd/pedestrian")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+processor,
		"GOFLAGS=", "GOEXPERIMENT=", "GOAMD64=v1", "GOARM64=v8.0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, bytes.TrimSpace(out))
	}
	return os.ReadFile(path)
}

// stamp reads what Go has written into a binary: the module's version and the time of the commit.
func stamp(path string) (version string, at time.Time, err error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return "", at, err
	}
	i := slices.IndexFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "vcs.time" })
	if i < 0 {
		return "", at, fmt.Errorf("the binary does not know its commit: build it in a clone of the repository")
	}
	at, err = time.Parse(time.RFC3339, info.Settings[i].Value)
	return cmp.Or(info.Main.Version, "devel"), at, err
}
