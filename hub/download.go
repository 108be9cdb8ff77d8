package hub

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/durable"
)

// Download downloads a model or an adapter into the cache c: its configuration, tokenizer
// and safetensors, and no other files. The revision is a branch, a tag or a commit; ""
// means main. Files that c has already are checked against their digests, and incomplete
// files are continued. The file in refs is written last, so that a revision never points to
// an incomplete model.
//
// An error is fs.ErrNotExist or fs.ErrPermission if the server refused, and
// errors.ErrUnsupported if the repository has no safetensors.
func (r Remote) Download(ctx context.Context, c Cache, repo, revision string) (Snapshot, error) {
	if revision == "" {
		revision = defaultRevision
	}
	if err := errors.Join(CheckRepo(repo), CheckRevision(revision)); err != nil {
		return Snapshot{}, err
	}
	s, err := newSession(r)
	if err != nil {
		return Snapshot{}, err
	}
	defer s.client.CloseIdleConnections()
	l, err := s.list(ctx, repo, revision)
	if err != nil {
		return Snapshot{}, err
	}
	names, err := choose(repo, l)
	if err != nil {
		return Snapshot{}, err
	}
	if made, err := durable.Enter(durable.OS, c.Dir); err != nil {
		return Snapshot{}, fmt.Errorf("the cache of models: %w", err)
	} else {
		made.Close()
	}
	root, err := os.OpenRoot(c.Dir)
	if err != nil {
		return Snapshot{}, fmt.Errorf("the cache of models: %w", err)
	}
	defer root.Close()
	d := download{s, root, repo, folderOf(repo), l.commit}
	if err := d.run(ctx, l, names); err != nil {
		return Snapshot{}, err
	}
	if revision != l.commit {
		ref := path.Join(d.folder, "refs", revision)
		if err := durable.MakeDirs(durable.In(root), path.Dir(ref)); err != nil {
			return Snapshot{}, err
		}
		if err := replace(root, ref, l.commit); err != nil {
			return Snapshot{}, err
		}
	}
	return Snapshot{Repo: repo, Commit: l.commit, Dir: filepath.Join(c.Dir, filepath.FromSlash(d.snapshot()))}, nil
}

// choose lists the files to download: small ones first, weights last. The list has the
// index of shards, but not the shards themselves.
func choose(repo string, l listing) (names []string, err error) {
	model, adapter := l.has(configFile), l.has(adapterConfig)
	if !model && !adapter {
		return nil, fmt.Errorf("%s has neither %s nor %s: not a model: %w", repo, configFile, adapterConfig, errors.ErrUnsupported)
	}
	var weights []string
	refuse := func(pickle, want string) error {
		why := "it has no " + want
		if l.has(pickle) {
			why = pickle + " is a pickle, a program that would run when read; " + want + " it does not have"
		}
		return fmt.Errorf("%s: %s: convert it with Python's save_pretrained: %w", repo, why, errors.ErrUnsupported)
	}
	if adapter {
		if !l.has(adapterWeights) {
			return nil, refuse(pickledAdapter, adapterWeights)
		}
		names, weights = append(names, adapterConfig), append(weights, adapterWeights)
	}
	if model {
		names = append(names, configFile)
		switch {
		case l.has(weightsFile):
			weights = append(weights, weightsFile)
		case l.has(indexFile):
			names = append(names, indexFile)
		case !adapter: // beside an adapter, config.json may be that of its base, without weights
			return nil, refuse(pickledWeights, weightsFile)
		}
	}
	for _, name := range alsoNeeded {
		if l.has(name) {
			names = append(names, name)
		}
	}
	return append(names, weights...), nil
}

// A download is the download of one repository at one commit.
type download struct {
	*session
	root   *os.Root
	repo   string
	folder string
	commit string
}

func (d download) snapshot() string { return path.Join(d.folder, "snapshots", d.commit) }

func (d download) run(ctx context.Context, l listing, names []string) error {
	if err := durable.MakeDirs(durable.In(d.root), d.snapshot()); err != nil {
		return err
	}
	// For backup programs, as huggingface_hub does; nothing depends on it.
	if _, err := d.root.Lstat("CACHEDIR.TAG"); err != nil {
		replace(d.root, "CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n# Downloaded models, which can be fetched again.\n")
	}
	var small, large []remoteFile
	for _, name := range names {
		f, err := d.head(ctx, d.repo, d.commit, name)
		if err != nil {
			return err
		}
		if strings.HasSuffix(name, weightsSuffix) {
			large = append(large, f)
		} else {
			small = append(small, f)
		}
	}
	if err := d.fetchAll(ctx, small, large); err != nil {
		return err
	}
	if slices.Contains(names, indexFile) {
		text, err := readSmall(d.root, path.Join(d.snapshot(), indexFile), maxSmallFile)
		if err != nil {
			return err
		}
		shards, err := shardsOf(text)
		if err != nil {
			return fmt.Errorf("%s: %w", d.repo, err)
		}
		for _, name := range shards {
			if !l.has(name) {
				return fmt.Errorf("%s: %s names %s, which is not there", d.repo, indexFile, name)
			}
			f, err := d.head(ctx, d.repo, d.commit, name)
			if err != nil {
				return err
			}
			large = append(large, f)
		}
	}
	return d.fetchAll(ctx, large, nil)
}

// fetchAll downloads files into the snapshot. The files in later are downloaded by a later
// call; here their sizes only count in the total progress.
func (d download) fetchAll(ctx context.Context, files, later []remoteFile) error {
	d.progress.Total = d.progress.Done
	for _, f := range later {
		d.progress.Total += f.size
	}
	var missing []remoteFile
	var need int64
	for _, f := range files {
		d.progress.Total += f.size
		if f.wholeAt(d.root, path.Join(d.snapshot(), f.name)) {
			d.progress.Done += f.size
			continue
		}
		missing = append(missing, f)
		if f.wholeAt(d.root, path.Join(d.folder, "blobs", f.etag)) {
			continue
		}
		need += f.size
		if info, err := d.root.Stat(path.Join(d.folder, "blobs", f.etag+".incomplete")); err == nil {
			need -= min(info.Size(), f.size)
		}
	}
	if free, known := durable.In(d.root).Free("."); known && free < need {
		return fmt.Errorf("%s needs %d MB and the disk of %s has %d MB left", d.repo, need/1e6, d.root.Name(), free/1e6)
	}
	for _, f := range missing {
		if err := d.fetch(ctx, d.root, d.folder, d.address(d.repo, d.commit, f.name), f); err != nil {
			return fmt.Errorf("%s: %w", d.repo, err)
		}
		if err := d.link(f); err != nil {
			return err
		}
	}
	return nil
}

// link makes the link in the snapshot that points to the blob of f.
func (d download) link(f remoteFile) error {
	name := path.Join(d.snapshot(), f.name)
	temp, err := durable.Temp(name, func(temp string) error { return d.root.Symlink("../../blobs/"+f.etag, temp) })
	if err != nil {
		// On a file system without links the blob itself is moved, as huggingface_hub does.
		if err := d.root.Rename(path.Join(d.folder, "blobs", f.etag), name); err != nil {
			return err
		}
	} else if err := d.root.Rename(temp, name); err != nil {
		d.root.Remove(temp)
		return err
	}
	return durable.In(d.root).Sync(d.snapshot())
}

// replace writes a small file of the cache. A reader sees either the old content or the
// new one. A file that has this content already is not written.
func replace(root *os.Root, name, content string) error {
	if old, err := readSmall(root, name, 1<<16); err == nil && string(old) == content {
		return nil
	}
	cache, dir := durable.In(root), path.Dir(name)
	if _, err := durable.Replace(cache, dir, textFile(path.Base(name), content)); err != nil {
		return err
	}
	return cache.Sync(dir)
}
