package hub

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pedestrian-ml/pedestrian/durable"
)

// A Cache is the directory in which Hugging Face's libraries keep what they
// downloaded, with one folder for each repository:
//
//	models--OWNER--NAME/blobs/DIGEST              the files, named by the digest of their content
//	models--OWNER--NAME/snapshots/COMMIT/FILE     symbolic links to the blobs, under the files' names
//	models--OWNER--NAME/refs/main                 the commit of a branch or a tag
//
// This package finds what Python has downloaded, and the other way round.
type Cache struct {
	Dir string // the path of the directory
}

// A Snapshot is a repository at one commit, in a cache.
type Snapshot struct {
	Repo    string   // the repository's name, such as "openai-community/gpt2"
	Commit  string   // 40 hexadecimal digits
	Dir     string   // the directory with the files
	Missing []string // needed files that the cache does not have; none if the model or adapter is complete
}

// Find looks up a repository in the cache. It writes nothing and does not use the network.
// The revision is a branch, a tag or a commit; "" means main. An error that is
// fs.ErrNotExist means that the cache does not have the repository. If it has only a part
// of it, there is no error, and Missing is not empty.
func (c Cache) Find(repo, revision string) (Snapshot, error) {
	if revision == "" {
		revision = defaultRevision
	}
	if err := errors.Join(CheckRepo(repo), CheckRevision(revision)); err != nil {
		return Snapshot{}, err
	}
	root, err := os.OpenRoot(c.Dir)
	if err != nil {
		return Snapshot{}, fmt.Errorf("the cache of models: %w", err)
	}
	defer root.Close()
	folder := folderOf(repo)
	commit := revision
	if !isCommit(commit) {
		text, err := readSmall(root, filepath.Join(folder, "refs", filepath.FromSlash(revision)), 1<<10)
		if err != nil {
			return Snapshot{}, fmt.Errorf("%s at %s is not in the cache %s: %w", repo, revision, c.Dir, err)
		}
		if commit = strings.TrimSpace(string(text)); !isCommit(commit) {
			return Snapshot{}, fmt.Errorf("%s does not hold the name of a commit", filepath.Join(c.Dir, folder, "refs", revision))
		}
	}
	dir := filepath.Join(folder, "snapshots", commit)
	if info, err := root.Stat(dir); err != nil || !info.IsDir() {
		return Snapshot{}, fmt.Errorf("%s at %s is not in the cache %s: %w", repo, revision, c.Dir, fs.ErrNotExist)
	}
	missing, err := missingFiles(root, dir)
	return Snapshot{repo, commit, filepath.Join(c.Dir, dir), missing}, err
}

// missingFiles lists the files that dir lacks to be a complete model or adapter.
func missingFiles(root *os.Root, dir string) ([]string, error) {
	has := func(name string) bool {
		info, err := root.Stat(filepath.Join(dir, name))
		return err == nil && info.Mode().IsRegular()
	}
	if has(adapterConfig) && has(adapterWeights) {
		return nil, nil
	}
	if !has(configFile) && (has(adapterConfig) || has(adapterWeights)) {
		return slices.DeleteFunc([]string{adapterConfig, adapterWeights}, has), nil
	}
	missing := slices.DeleteFunc([]string{configFile}, has)
	switch {
	case has(weightsFile):
	case has(indexFile):
		text, err := readSmall(root, filepath.Join(dir, indexFile), maxSmallFile)
		if err != nil {
			return nil, err
		}
		shards, err := shardsOf(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(root.Name(), dir), err)
		}
		missing = append(missing, slices.DeleteFunc(shards, has)...)
	default:
		missing = append(missing, weightsFile)
	}
	return missing, nil
}

// readSmall reads a regular file of at most limit bytes.
func readSmall(root *os.Root, name string, limit int64) ([]byte, error) {
	f, err := durable.OpenRegular(root, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", filepath.Join(root.Name(), name), limit)
	}
	return text, err
}
