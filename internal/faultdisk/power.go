package faultdisk

import (
	"fmt"
	"hash/maphash"
	"maps"
	"math/rand/v2"
	"slices"
)

// What may become of the content of a file that was not synced.
const (
	Whole    = iota // all that was written
	Lost            // nothing that was not synced
	Zeroed          // the length, and no content
	Garbage         // the length, and anything
	Torn            // the first sectors
	Variants        // how many these are
)

const sector = 512

// After is what a disk holds after operations on base, when nothing goes wrong.
func After(base Image, ops []Op) Image {
	img := base.Clone()
	for _, o := range ops {
		img.Apply(o)
	}
	return img
}

// States calls check with every state in which a failure of power after these operations
// on base may leave a disk: each subset of the names that were not synced, times each
// variant of the contents that were not. Where these are more than most, it draws most of
// them.
func States(base Image, ops []Op, most int, check func(Image)) (count int) {
	dead := map[int]bool{} // directories that are durably gone: what is in them is no matter
	var names []int        // operations on names that may be lost
	for i, o := range ops {
		if o.Kind != Link && o.Kind != Rename && o.Kind != Unlink {
			continue
		}
		synced := slices.ContainsFunc(ops[i:], func(later Op) bool { return later.Kind == SyncDir && later.Parent == o.Parent })
		if !synced {
			names = append(names, i)
		} else if o.Kind == Unlink {
			dead[o.Node] = true
		}
	}
	names = slices.DeleteFunc(names, func(i int) bool { return dead[ops[i].Parent] })
	durable := map[int]int{} // bytes of a file that are durable
	length := map[int]int{}
	for i, n := range base {
		durable[i], length[i] = len(n.Data), len(n.Data)
	}
	for _, o := range ops {
		switch o.Kind {
		case Write:
			length[o.Node] += len(o.Data)
		case SyncFile:
			durable[o.Node] = length[o.Node]
		}
	}
	var files []int
	for _, n := range slices.Sorted(maps.Keys(length)) {
		if durable[n] < length[n] && !dead[n] {
			files = append(files, n)
		}
	}
	total := 1 << min(len(names), 40)
	for range files {
		total = min(total*Variants, 1<<40)
	}
	rng := rand.New(rand.NewPCG(uint64(len(ops)), 7))
	for k := range min(total, most) {
		choice := uint64(k)
		if total > most {
			choice = rng.Uint64()
		}
		img := base.Clone()
		for i, o := range ops {
			if at := slices.Index(names, i); at >= 0 {
				if choice>>at&1 == 0 {
					if o.Kind == Link {
						img.make(o)
					}
					continue
				}
			}
			img.Apply(o)
		}
		choice >>= len(names)
		for _, f := range files {
			img[f].Data = Spoil(img[f].Data, durable[f], int(choice%Variants), rng)
			choice /= Variants
			if total > most {
				choice = rng.Uint64()
			}
		}
		check(img)
	}
	return min(total, most)
}

// Spoil is a variant of data of which only the first durable bytes are sure.
func Spoil(data []byte, durable, variant int, rng *rand.Rand) []byte {
	d := slices.Clone(data)
	switch variant {
	case Lost:
		d = d[:durable]
	case Zeroed:
		clear(d[durable:])
	case Garbage:
		for i := durable; i < len(d); i++ {
			d[i] = byte(rng.Uint32())
		}
	case Torn:
		d = d[:max(durable, len(d)/sector*rng.IntN(100)/100*sector, durable/sector*sector)]
	}
	return d
}

// Hash is of what can be reached, but for names that skip knows.
func (img Image) Hash(seed maphash.Seed, skip func(name string) bool) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	var walk func(i int)
	walk = func(i int) {
		n := img[i]
		for _, name := range slices.Sorted(maps.Keys(n.Entries)) {
			if skip(name) {
				continue
			}
			h.WriteString(name + "\x00")
			walk(n.Entries[name])
		}
		fmt.Fprint(&h, len(n.Data), " ")
		h.Write(n.Data)
	}
	walk(0)
	return h.Sum64()
}
