package hub

import (
	"context"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
	"time"
)

// digest is what the etag of f is the hexadecimal of: SHA-256 of a large file, and of
// a small one the SHA-1 that git gives a blob.
func (f remoteFile) digest() hash.Hash {
	if len(f.etag) == 2*sha256.Size {
		return sha256.New()
	}
	h := sha1.New()
	fmt.Fprintf(h, "blob %d\x00", f.size)
	return h
}

func (f remoteFile) is(h hash.Hash) bool {
	return subtle.ConstantTimeCompare([]byte(hex.EncodeToString(h.Sum(nil))), []byte(f.etag)) == 1
}

// wholeAt says whether the file at name is f, to the last byte.
func (f remoteFile) wholeAt(root *os.Root, name string) bool {
	file, err := openRegular(root, name)
	if err != nil {
		return false
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || info.Size() != f.size {
		return false
	}
	h := f.digest()
	n, err := io.Copy(h, file)
	return err == nil && n == f.size && f.is(h)
}

// fetch brings f into the blobs of folder, unless it is there.
func (s *session) fetch(ctx context.Context, root *os.Root, folder, address string, f remoteFile) error {
	s.progress.File = f.name
	blob := path.Join(folder, "blobs", f.etag)
	locks := path.Join(".locks", folder)
	for _, dir := range []string{path.Dir(blob), locks} {
		if err := makeDirs(root, dir); err != nil {
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
		s.tell()
		return nil
	}
	part, err := openPart(root, blob+".incomplete", f)
	if err != nil {
		return err
	}
	defer part.file.Close()
	s.progress.Done += part.have
	s.tell()
	resumed := part.have > 0
	for {
		err := s.retry(ctx, func() (bool, error) { return s.continuePart(ctx, address, part) })
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		if f.is(part.sum) {
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
		resumed = false // what lay there from before may have been something else
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
	return syncDir(root, path.Dir(blob))
}

// lock waits until no other process fetches the same file.
func (s *session) lock(ctx context.Context, root *os.Root, name string) (io.Closer, error) {
	for {
		f, busy, err := tryLock(root, name)
		if err != nil {
			return nil, err
		}
		if !busy {
			s.note("")
			return f, nil
		}
		s.note("another process is fetching it")
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// A part is a file that is being fetched.
type part struct {
	remoteFile
	name string
	file *os.File
	have int64
	sum  hash.Hash
}

// openPart takes up what an earlier attempt has left.
func openPart(root *os.Root, name string, f remoteFile) (*part, error) {
	file, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE|nonblock, 0o644)
	if err != nil {
		return nil, err
	}
	p := &part{remoteFile: f, name: name, file: file, sum: f.digest()}
	info, err := file.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%s is not a regular file", path.Join(root.Name(), name))
	case info.Size() > f.size:
		err = p.restart()
	default:
		p.have, err = io.Copy(p.sum, file)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return p, nil
}

// restart forgets what was fetched.
func (p *part) restart() error {
	p.have, p.sum = 0, p.digest()
	if err := p.file.Truncate(0); err != nil {
		return err
	}
	_, err := p.file.Seek(0, io.SeekStart)
	return err
}

// continuePart fetches what p lacks, and says whether anything came.
func (s *session) continuePart(ctx context.Context, address string, p *part) (further bool, err error) {
	if p.have == p.size {
		return false, nil
	}
	ctx, touch, stop := s.watch(ctx)
	defer stop()
	header := http.Header{}
	if p.have > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", p.have))
	}
	resp, err := s.send(ctx, http.MethodGet, address, header, true)
	if err != nil {
		if r := (refusedError{}); errors.As(err, &r) && r.status == http.StatusRequestedRangeNotSatisfiable && p.have > 0 {
			s.progress.Done -= p.have
			if err := p.restart(); err != nil {
				return false, err
			}
			return false, lostError{errors.New(r.Error())} // once more, from the beginning
		}
		return false, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusPartialContent && p.have > 0:
		if err := checkRange(resp.Header.Get("Content-Range"), p.have, p.size); err != nil {
			return false, fmt.Errorf("%s: %w", resp.Request.URL.Host, err)
		}
	case resp.StatusCode == http.StatusOK:
		if p.have > 0 { // the server sends no parts
			s.progress.Done -= p.have
			if err := p.restart(); err != nil {
				return false, err
			}
		}
	default:
		return false, fmt.Errorf("%s answers %s", resp.Request.URL.Host, resp.Status)
	}
	if n := resp.ContentLength; n >= 0 && n != p.size-p.have {
		return false, fmt.Errorf("%s sends %d bytes and announced %d", resp.Request.URL.Host, n, p.size-p.have)
	}
	buf := make([]byte, 256<<10)
	for p.have < p.size {
		n, err := resp.Body.Read(buf[:min(int64(len(buf)), p.size-p.have)])
		touch()
		if n > 0 {
			if _, err := p.file.Write(buf[:n]); err != nil {
				return further, err
			}
			p.sum.Write(buf[:n])
			further = true
			p.have += int64(n)
			s.progress.Done += int64(n)
			s.progress.Fetched += int64(n)
			s.tell()
		}
		if err != nil && p.have < p.size {
			return further, lost(ctx, err)
		}
	}
	if n, _ := resp.Body.Read(buf[:1]); n > 0 {
		return further, fmt.Errorf("%s sends more than the %d bytes that it announced", resp.Request.URL.Host, p.size)
	}
	return further, nil
}

// checkRange compares a Content-Range with what was asked for.
func checkRange(got string, from, size int64) error {
	want := fmt.Sprintf("bytes %d-%d/", from, size-1)
	total, ok := strings.CutPrefix(got, want)
	if n, err := strconv.ParseInt(total, 10, 64); ok && (total == "*" || err == nil && n == size) {
		return nil
	}
	return fmt.Errorf("it was asked for bytes from %d to the end of %d and sends %q", from, size, plain(got))
}

// makeDirs makes dir below root, and the directories above it, durably.
func makeDirs(root *os.Root, dir string) error {
	if info, err := root.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	parent := path.Dir(dir)
	if parent != "." {
		if err := makeDirs(root, parent); err != nil {
			return err
		}
	}
	if err := root.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(root, parent)
}

// syncDir makes the names in dir durable.
func syncDir(root *os.Root, dir string) error {
	d, err := root.Open(dir)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrPermission) {
		d.Close()
		return err
	}
	return d.Close()
}

// replace writes a small file so that a reader sees the old text or the new one.
func replace(root *os.Root, name, text string) error {
	if old, err := readSmall(root, name, 1<<16); err == nil && string(old) == text {
		return nil
	}
	temporary := name + "." + rand.Text()[:8] + ".tmp"
	f, err := root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = root.Rename(temporary, name)
	}
	if err != nil {
		root.Remove(temporary)
		return err
	}
	return syncDir(root, path.Dir(name))
}
