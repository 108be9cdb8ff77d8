package hub

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pedestrian-ml/pedestrian"
	"github.com/pedestrian-ml/pedestrian/pickle"
	"github.com/pedestrian-ml/pedestrian/safetensors"
)

// A Directory is an open model directory of Hugging Face. Its configuration and the headers
// of its weights have been read, but none of its numbers.
type Directory struct {
	Path    string            // as given to Open
	Network pedestrian.Config // valid only if Check returns nil
	Tensors []Stored          // in the order of the files
	Unknown []string          // keys of config.json that this package does not know; it ignores them
	Notes   []string          // what was read in another way than the files say, one line each
	EOS     []int32           // tokens that end a text
	BOS     []int32           // tokens that begin a text
	Name    string            // the model's own name, _name_or_path; "" if it has none
	Files   []File            // the files of weights

	folder  *folder
	shards  []shard
	config  modelConfig
	problem error          // why it cannot be loaded, or nil
	place   map[string]int // indices in Tensors, by name
	rowless []string       // special tokens beyond the network's vocabulary
}

// Stored is a tensor of a model directory.
type Stored struct {
	safetensors.Tensor
	File string // the name of the file that holds it
	Ours string // our name of the parameter, "" if it is not a parameter
	Note string // why it is not read, "" if it is
	in   *safetensors.File

	pickled *pickle.File // instead of in, if the file is a pickle
	view    pickle.Tensor
}

// A File is one file of weights.
type File struct {
	Name     string            // without the directory
	Bytes    int64             // its size
	Metadata map[string]string // from the header; nil if there is none
}

// A shard is one open file of weights.
type shard struct {
	name  string
	file  *os.File
	size  int64
	mtime time.Time
}

// Open reads config.json, generation_config.json and the headers of the weights in
// the directory path. It fails if a file cannot be read. If the network is of another kind
// or its tensors do not fit, Open succeeds, and [Directory.Check] returns the error. Close
// the directory after use.
func Open(path string) (*Directory, error) {
	f, err := openFolder(path)
	if err != nil {
		return nil, fmt.Errorf("reading the model: %w", err)
	}
	d := &Directory{Path: path, folder: f, place: map[string]int{}}
	if err := d.open(); err != nil {
		d.Close()
		return nil, fmt.Errorf("reading the model: %w", err)
	}
	return d, nil
}

// Close closes the files.
func (d *Directory) Close() error {
	err := d.folder.Close()
	for _, s := range d.shards {
		err = errors.Join(err, s.file.Close())
	}
	return err
}

func (d *Directory) open() error {
	text, err := d.folder.text(configFile)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s has no %s: not a model directory of Hugging Face", d.Path, configFile)
	}
	if err != nil {
		return err
	}
	if d.config, err = parseConfig(text); err != nil {
		d.problem = fmt.Errorf("%s: %w", filepath.Join(d.Path, configFile), err)
	}
	d.Network, d.Unknown, d.Name, d.EOS, d.BOS = d.config.network, d.config.unknown, d.config.name, d.config.eos, d.config.bos
	if err := d.generation(); err != nil {
		return err
	}
	if err := d.weights(); err != nil {
		return cmp.Or(d.problem, err) // a network that is not read needs no weights
	}
	if d.problem == nil {
		d.problem = d.match()
	}
	return nil
}

// generation reads generation_config.json, which may be missing. Its tokens that begin and
// end a text override those of config.json.
func (d *Directory) generation() error {
	if d.folder.has(generationFile) {
		text, err := d.folder.text(generationFile)
		if err != nil {
			return err
		}
		o, err := parseObject(text)
		var eos, bos []int32
		if err == nil {
			eos, err = o.ids("eos_token_id")
		}
		if err == nil {
			bos, err = o.ids("bos_token_id")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(d.Path, generationFile), err)
		}
		if eos != nil {
			d.EOS = eos
		}
		if bos != nil {
			d.BOS = bos
		}
	}
	outside := func(id int32) bool { return int(id) >= d.Network.Vocab }
	if d.Network.Vocab > 0 && (slices.ContainsFunc(d.EOS, outside) || slices.ContainsFunc(d.BOS, outside)) {
		d.Notes = append(d.Notes, fmt.Sprintf("eos_token_id %v and bos_token_id %v: those that are not among the %d tokens are passed over", d.EOS, d.BOS, d.Network.Vocab))
	}
	d.EOS, d.BOS = slices.DeleteFunc(d.EOS, outside), slices.DeleteFunc(d.BOS, outside)
	return nil
}

// weights opens the files of weights and reads their headers.
func (d *Directory) weights() error {
	if d.folder.has(weightsFile) || d.folder.dangling(weightsFile) {
		return d.header(weightsFile, nil)
	}
	index, suffix := indexFile, weightsSuffix
	text, err := d.folder.text(index)
	if errors.Is(err, fs.ErrNotExist) && d.folder.has(pickledWeights) {
		return d.header(pickledWeights, nil)
	}
	if errors.Is(err, fs.ErrNotExist) {
		index, suffix = pickledIndex, pickledSuffix
		text, err = d.folder.text(index)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s has neither %s nor %s, and no %s", d.Path, weightsFile, indexFile, pickledWeights)
	case err != nil:
		return err
	}
	files, err := parseWeightMap(text, suffix)
	var names []string
	if err == nil {
		names, err = shardNames(files)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(d.Path, index), err)
	}
	for _, name := range names {
		if err := d.header(name, files); err != nil {
			return err
		}
	}
	for name, file := range files {
		if _, ok := d.place[name]; !ok {
			return fmt.Errorf("%s: tensor %.80q is not in the file %s", filepath.Join(d.Path, index), name, file)
		}
	}
	return nil
}

// header opens one file of weights and reads its header. files maps tensors to files, as
// the index says; it is nil without an index.
func (d *Directory) header(name string, files map[string]string) error {
	path := filepath.Join(d.Path, name)
	file, size, err := d.folder.open(name)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return err
	}
	d.shards = append(d.shards, shard{name, file, size, info.ModTime()})
	held, metadata, err := tensorsIn(file, name, size)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	d.Files = append(d.Files, File{name, size, metadata})
	for _, t := range held {
		if files != nil && files[t.Name] != name {
			index := indexFile
			if t.pickled != nil {
				index = pickledIndex
			}
			return fmt.Errorf("%s holds tensor %.80q, which %s does not place there", path, t.Name, index)
		}
		d.place[t.Name] = len(d.Tensors)
		t.File = name
		d.Tensors = append(d.Tensors, t)
	}
	return nil
}

// tensorsIn lists the tensors of a file of weights. The suffix of its name says whether it
// is a pickle or a safetensors file.
func tensorsIn(r io.ReaderAt, name string, size int64) (held []Stored, metadata map[string]string, err error) {
	if strings.HasSuffix(name, pickledSuffix) {
		f, err := pickle.Read(r, size)
		if err != nil {
			return nil, nil, err
		}
		for _, t := range f.Tensors {
			held = append(held, Stored{Tensor: safetensors.Described(t.Name, t.DType, t.Shape), pickled: f, view: t})
		}
		return held, nil, nil
	}
	f, err := safetensors.Read(r, size)
	if err != nil {
		return nil, nil, err
	}
	for _, t := range f.Tensors {
		held = append(held, Stored{Tensor: t, in: f})
	}
	return held, f.Metadata, nil
}

// decode sets dst to the elements of s from number first on.
func decode[T pedestrian.Float](s Stored, first int, dst []T) error {
	if s.pickled != nil {
		return pickle.Decode(s.pickled, s.view, first, dst)
	}
	return safetensors.Decode(s.in, s.Tensor, first, dst)
}

// Check reports why the model cannot be loaded, in one line, or nil.
func (d *Directory) Check() error {
	if d.problem == nil {
		return nil
	}
	return fmt.Errorf("reading the model: %w", d.problem)
}
