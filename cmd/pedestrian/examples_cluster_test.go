package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// clusterFiles are the examples of running on several machines.
var clusterFiles = []string{"hostfile", "train.sbatch", "mpijob.yaml", "Containerfile"}

func clusterFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../examples/cluster", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Each command of pedestrian-mpi in the examples, and in the chapter that names them, exists with
// its flags; where it begins a run, the leaves can be shared by the processes that are started.
func TestClusterCommands(t *testing.T) {
	pages := map[string]string{"11-many-machines.md": chapters(t)["11-many-machines.md"]}
	for _, name := range clusterFiles {
		if !strings.Contains(pages["11-many-machines.md"], "examples/cluster/"+name) {
			t.Errorf("the chapter does not name examples/cluster/%s", name)
		}
		pages[name] = clusterFile(t, name)
	}
	seen := 0
	for name, text := range pages {
		for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
			words := shellWords(strings.TrimLeft(line, "# "))
			at := slices.Index(words, "pedestrian-mpi")
			if at < 0 || !strings.Contains(line, " pedestrian-mpi ") || !slices.ContainsFunc(words[:at], func(w string) bool {
				return strings.Contains(w, "mpirun") || strings.Contains(w, "mpiexec") || w == "srun" || w == "$mpi"
			}) {
				continue
			}
			seen++
			if err := parses(words[at+1:]); err != nil {
				t.Errorf("%s: %s: %v", name, strings.TrimSpace(line), err)
			}
		}
	}
	if seen < 8 {
		t.Errorf("%d commands were looked up", seen)
	}
}

// inCluster runs script with a program launcher that writes down how it was called, in a directory
// with a checkpoint or without, and returns that.
func inCluster(t *testing.T, script, launcher string, checkpoint bool) string {
	t.Helper()
	dir := t.TempDir()
	if checkpoint {
		if err := os.MkdirAll(filepath.Join(dir, "runs/book/step-000100"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, launcher), []byte("#!/bin/sh\nprintf '%s\\n' \"$*\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-ec", script)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// The scripts of Slurm and of the MPIJob begin a run, and go on with it when it has a checkpoint.
func TestClusterScripts(t *testing.T) {
	var job struct {
		Spec struct {
			SlotsPerWorker  int `yaml:"slotsPerWorker"`
			MPIReplicaSpecs map[string]struct {
				Replicas int `yaml:"replicas"`
				Template struct {
					Spec struct {
						Containers []struct {
							Command, Args []string
						} `yaml:"containers"`
					} `yaml:"spec"`
				} `yaml:"template"`
			} `yaml:"mpiReplicaSpecs"`
		} `yaml:"spec"`
	}
	if err := yaml.Unmarshal([]byte(clusterFile(t, "mpijob.yaml")), &job); err != nil {
		t.Fatal(err)
	}
	launcher := job.Spec.MPIReplicaSpecs["Launcher"].Template.Spec.Containers[0]
	if !slices.Equal(launcher.Command, []string{"sh", "-ec"}) || len(launcher.Args) != 1 {
		t.Fatalf("the launcher is %q %q", launcher.Command, launcher.Args)
	}
	workers := job.Spec.MPIReplicaSpecs["Worker"].Replicas * job.Spec.SlotsPerWorker
	for _, c := range []struct{ name, script, launcher, begins string }{
		{"train.sbatch", clusterFile(t, "train.sbatch"), "srun", "--mpi=pmix --cpu-bind=none pedestrian-mpi train "},
		{"mpijob.yaml", launcher.Args[0], "mpirun", fmt.Sprintf("-n %d --map-by ppr:1:node --bind-to none --wdir /data pedestrian-mpi train ", workers)},
	} {
		for _, checkpoint := range []bool{false, true} {
			want := "--preset char --data book.txt --accumulate 8 --leaves 8 --save-every 100 --out runs/book\n"
			if checkpoint {
				want = "--resume runs/book\n"
			}
			if got := inCluster(t, c.script, c.launcher, checkpoint); got != c.begins+want {
				t.Errorf("%s: %q, want %q", c.name, got, c.begins+want)
			}
		}
	}
}

// The manifest is the one that testdata/mpijob/validate.py has validated: run it again after a change.
func TestClusterManifestValidated(t *testing.T) {
	text, err := os.ReadFile("../../testdata/mpijob/validated.json")
	if err != nil {
		t.Fatal(err)
	}
	var was struct {
		Manifest string         `json:"manifest_sha256"`
		Errors   int            `json:"errors"`
		Spoiled  map[string]int `json:"errors_of_spoiled"`
	}
	if err := json.Unmarshal(text, &was); err != nil {
		t.Fatal(err)
	}
	if now := fmt.Sprintf("%x", sha256.Sum256([]byte(clusterFile(t, "mpijob.yaml")))); now != was.Manifest || was.Errors != 0 || len(was.Spoiled) < 5 {
		t.Errorf("examples/cluster/mpijob.yaml has the SHA-256 %.12s, and %.12s was validated, with %d errors: run testdata/mpijob/validate.py", now, was.Manifest, was.Errors)
	}
}
