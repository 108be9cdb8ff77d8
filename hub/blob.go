package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"path"
	"time"

	"github.com/pedestrian-ml/pedestrian/durable"
)

// digest returns a new hash of the kind that the etag of f has: SHA-256 for a large file,
// and for a small one the SHA-1 that git computes of a blob.
func (f remoteFile) digest() hash.Hash {
	if len(f.etag) == 2*sha256.Size {
		return sha256.New()
	}
	h := sha1.New()
	fmt.Fprintf(h, "blob %d\x00", f.size)
	return h
}

func (f remoteFile) matches(h hash.Hash) bool {
	return subtle.ConstantTimeCompare([]byte(hex.EncodeToString(h.Sum(nil))), []byte(f.etag)) == 1
}

// wholeAt says whether the file at name has the size and the digest of f.
func (f remoteFile) wholeAt(root *os.Root, name string) bool {
	file, err := durable.OpenRegular(root, name)
	if err != nil {
		return false
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || info.Size() != f.size {
		return false
	}
	h := f.digest()
	n, err := io.Copy(h, file)
	return err == nil && n == f.size && f.matches(h)
}

// fetch downloads f into the blobs of folder, unless it is there already. Another process
// that downloads the same file is waited for.
func (s *session) fetch(ctx context.Context, root *os.Root, folder, address string, f remoteFile) error {
	s.progress.File = f.name
	blob := path.Join(folder, "blobs", f.etag)
	locks := path.Join(".locks", folder)
	for _, dir := range []string{path.Dir(blob), locks} {
		if err := durable.MakeDirs(durable.In(root), dir); err != nil {
			return err
		}
	}
	lock, err := s.lock(ctx, root, path.Join(locks, f.etag+".lock"))
	if err != nil {
		return err
	}
	defer lock.Close()
	if f.wholeAt(root, blob) { // another process was faster
		s.progress.Done += f.size
		s.reportProgress()
		return nil
	}
	part, err := openPart(root, blob+".incomplete", f)
	if err != nil {
		return err
	}
	defer part.file.Close()
	s.progress.Done += part.have
	s.reportProgress()
	resumed := part.have > 0
	for {
		err := s.retry(ctx, func() (bool, error) { return s.continuePart(ctx, address, part) })
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		if f.matches(part.sum) {
			break
		}
		s.progress.Done -= part.have
		if err := part.restart(); err != nil {
			return err
		}
		if !resumed {
			root.Remove(part.name)
			return fmt.Errorf("%s: what came is not what %s announced: its digest differs from %s", f.name, s.endpoint.Host, f.etag)
		}
		resumed = false // the part from an earlier attempt may have been of another file
	}
	if err := part.file.Sync(); err != nil {
		return err
	}
	if err := part.file.Close(); err != nil {
		return err
	}
	if err := root.Rename(part.name, blob); err != nil {
		return err
	}
	return durable.In(root).Sync(path.Dir(blob))
}

// lock waits until no other process downloads the same file.
func (s *session) lock(ctx context.Context, root *os.Root, name string) (io.Closer, error) {
	for {
		lock, busy, err := durable.TryLock(root, name)
		if err != nil {
			return nil, err
		}
		if !busy {
			s.setNote("")
			return lock, nil
		}
		s.setNote("another process is fetching it")
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return nil, err
		}
	}
}
