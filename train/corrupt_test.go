package train

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/durable"
	"github.com/pedestrian-ml/pedestrian/internal/faultdisk"
)

// A victim is a micro run in memory with the checkpoints of steps 1 and 2, the second
// of which is to be damaged.
type victim struct {
	fs   *faultdisk.Disk
	file map[string]*faultdisk.Node // of the second
	old  string                     // digest of the first state
}

const victimDir = "disk/run/step-000002"

func newVictim(t testing.TB) *victim { return newVictimOf(t, microOptions(), checkpointFiles) }

func newVictimOf(t testing.TB, o Options, files []string) *victim {
	t.Helper()
	v := &victim{fs: faultdisk.New(), file: map[string]*faultdisk.Node{}}
	v.fs.Mkdir("disk")
	r := inMemory(t, v.fs, o, microData(t))
	for range 2 {
		if r.State.Step > 0 {
			v.old = digestOf(r.State)
		}
		if _, err := r.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := r.Save(Observer{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range append(slices.Clone(files), durable.ManifestFile) {
		i, ok := v.fs.Tree.Find(path.Join(victimDir, name))
		if !ok {
			t.Fatalf("no %s", name)
		}
		v.file[name] = v.fs.Tree[i]
	}
	return v
}

// found says whether the damage is found by what verifies, naming the file.
func (v *victim) found(t *testing.T, what, name string) {
	err := verify(v.fs, victimDir)
	if d := (*durable.Damaged)(nil); !errors.As(err, &d) || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%s, %s: %v", name, what, err)
	}
}

// passedOver says whether loading takes the checkpoint before, and why.
func (v *victim) passedOver(t *testing.T, what, name string) {
	c, passed, err := loadNewest(v.fs, "disk/run", true)
	if err != nil || len(passed) != 1 || !strings.Contains(passed[0].Error(), name) || digestOf(c.State) != v.old {
		t.Errorf("%s, %s: passed over %v, %v", name, what, passed, err)
	}
}

// Every single bit of a checkpoint that is not as it was saved is found, in every file;
// and what loads is the checkpoint before.
func TestEveryBitIsGuarded(t *testing.T) {
	everyBit(t, newVictim(t))
}

// The same of an adapter's checkpoint.
func TestEveryBitOfAdaptersIsGuarded(t *testing.T) {
	o := microOptions()
	o.Tuning = adapted().Tuning
	everyBit(t, newVictimOf(t, o, []string{configFile, tokenizerFile, stateFile, adapterFile, momentsFile}))
}

// everyBit damages each byte of each file. Which of its bits is no matter to a digest: the
// quick tier takes each of the manifest, which is read before it is compared, and one of
// every other byte, and loads after some of them.
func everyBit(t *testing.T, v *victim) {
	bits, every := 0, 101 // bits between those whose damage is also loaded
	if longTier {
		every = 1
	}
	for name, n := range v.file {
		for i := range n.Data {
			for bit := range 8 {
				if bit != i%8 && name != durable.ManifestFile && !longTier {
					continue
				}
				n.Data[i] ^= 1 << bit
				v.found(t, fmt.Sprintf("bit %d of byte %d", bit, i), name)
				if bits++; bits%every == 0 {
					v.passedOver(t, fmt.Sprintf("bit %d of byte %d", bit, i), name)
				}
				n.Data[i] ^= 1 << bit
			}
			if t.Failed() {
				return
			}
		}
	}
	if err := verify(v.fs, victimDir); err != nil {
		t.Error(err)
	}
	t.Logf("%d bits", bits)
}

// Every length that a file can be cut to, and some that it can grow to, is found.
func TestEveryLengthIsGuarded(t *testing.T) {
	v := newVictim(t)
	lengths := 0
	for name, n := range v.file {
		data := n.Data
		for length := range len(data) + 20 {
			if length == len(data) {
				continue
			}
			n.Data = append(slices.Clone(data), make([]byte, 20)...)[:length]
			v.found(t, fmt.Sprintf("%d of %d bytes", length, len(data)), name)
			lengths++
		}
		v.passedOver(t, "cut", name)
		n.Data = data
	}
	t.Logf("%d lengths", lengths)
}

// Garbage anywhere, of any length, zeroed pages among it, is found.
func TestGarbageIsFound(t *testing.T) {
	v := newVictim(t)
	rng := rand.New(rand.NewPCG(1, 2))
	names := append(slices.Clone(checkpointFiles), durable.ManifestFile)
	for i := range 10_000 {
		name := names[rng.IntN(len(names))]
		n := v.file[name]
		data := n.Data
		n.Data = slices.Clone(data)
		at := rng.IntN(len(data))
		hit := n.Data[at:min(len(data), at+1+rng.IntN(1+rng.IntN(len(data))))]
		for j := range hit {
			hit[j] = byte(rng.Uint32())
		}
		if i%4 == 0 {
			clear(hit)
		}
		if !slices.Equal(n.Data, data) {
			v.found(t, fmt.Sprintf("%d bytes of garbage at %d", len(hit), at), name)
		}
		if i%100 == 0 && !slices.Equal(n.Data, data) {
			v.passedOver(t, "garbage", name)
		}
		n.Data = data
	}
}

// Files of another step, files that are not there, and a checkpoint under the name of
// another step are found.
func TestMisplacedFilesAreFound(t *testing.T) {
	v := newVictim(t)
	for name, n := range v.file {
		i, _ := v.fs.Tree.Find(path.Join("disk/run/step-000001", name))
		data := n.Data
		n.Data = v.fs.Tree[i].Data
		if !slices.Equal(n.Data, data) { // config.json and tokenizer.json are the same in all steps
			v.found(t, "of another step", map[bool]string{true: durable.ManifestFile, false: name}[name == durable.ManifestFile])
			v.passedOver(t, "of another step", "")
		}
		n.Data = data
	}
	dir, _ := v.fs.Tree.Find(victimDir)
	for name := range v.file {
		entries := v.fs.Tree[dir].Entries
		at := entries[name]
		delete(entries, name)
		v.found(t, "missing", name)
		v.passedOver(t, "missing", name)
		entries[name] = at
	}
	for name := range v.file {
		for other := range v.file {
			if name < other {
				a, b := v.file[name], v.file[other]
				a.Data, b.Data = b.Data, a.Data
				v.found(t, "swapped with "+other, "")
				v.passedOver(t, "swapped with "+other, "")
				a.Data, b.Data = b.Data, a.Data
			}
		}
	}
	run, _ := v.fs.Tree.Find("disk/run")
	entries := v.fs.Tree[run].Entries
	entries["step-000001"], entries["step-000002"] = entries["step-000002"], entries["step-000001"]
	v.found(t, "renamed", durable.ManifestFile)
	if _, _, err := loadNewest(v.fs, "disk/run", true); err == nil || !strings.Contains(err.Error(), "holds no checkpoint that is whole") || strings.Contains(oneLineOf(err), "\n") {
		t.Errorf("both renamed: %v", err)
	}
	entries["step-000001"], entries["step-000002"] = entries["step-000002"], entries["step-000001"]
	entries["step-000003.7"] = entries["step-000002"]
	v.passedOver3(t)
	delete(entries, "step-000003.7")
	if c, passed, err := loadNewest(v.fs, "disk/run", true); err != nil || len(passed) > 0 || c.State.Step != 2 {
		t.Errorf("nothing damaged: %v, %v", passed, err)
	}
}

// passedOver3 says whether a copy of step 2 under the name of step 3 is passed over.
func (v *victim) passedOver3(t *testing.T) {
	c, passed, err := loadNewest(v.fs, "disk/run", true)
	if err != nil || len(passed) != 1 || c.State.Step != 2 {
		t.Errorf("step 2 as step 3: %v, %v", passed, err)
	}
}

func oneLineOf(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
