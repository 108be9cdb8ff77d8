package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/pedestrian-ml/pedestrian/durable"
)

// A part is a file that is being fetched.
type part struct {
	remoteFile
	name string
	file *os.File
	have int64
	best int64 // the most that there ever was
	sum  hash.Hash
}

// openPart takes up what an earlier attempt has left.
func openPart(root *os.Root, name string, f remoteFile) (*part, error) {
	if info, err := root.Lstat(name); err == nil && info.Mode().Type() == os.ModeSymlink {
		if err := root.Remove(name); err != nil { // nothing is written through a link
			return nil, err
		}
	}
	file, err := durable.OpenOwn(root, name, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	p := &part{remoteFile: f, name: name, file: file, sum: f.digest()}
	info, err := file.Stat()
	switch {
	case err != nil:
	case info.Size() > f.size:
		err = p.restart()
	default:
		p.have, err = io.Copy(p.sum, file)
		p.best = p.have
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

// continuePart fetches what p lacks, and says whether that is progress. What is there
// stays until something else comes in its place: a server that always begins at the
// beginning is compared with it.
func (s *session) continuePart(ctx context.Context, address string, p *part) (further bool, err error) {
	if p.have == p.size {
		return false, nil
	}
	defer func() {
		if p.have >= p.best+leastProgress {
			p.best, further = p.have, true
		}
	}()
	ctx, touch, stop := s.watch(ctx)
	defer stop()
	header := http.Header{}
	if p.have > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", p.have))
	}
	resp, err := s.send(ctx, http.MethodGet, address, header, true)
	if err != nil {
		if r := (refusedError{}); errors.As(err, &r) && r.status == http.StatusRequestedRangeNotSatisfiable && p.have > 0 {
			return false, s.again(p, errors.New(r.Error()))
		}
		return false, err
	}
	defer resp.Body.Close()
	host := resp.Request.URL.Host
	var same int64 // bytes that have come again, and are to be what is there
	switch {
	case resp.StatusCode == http.StatusPartialContent && p.have > 0:
		if err := checkRange(resp.Header.Get("Content-Range"), p.have, p.size); err != nil {
			return false, fmt.Errorf("%s: %w", host, err)
		}
		same = p.have
	case resp.StatusCode != http.StatusOK:
		return false, fmt.Errorf("%s answers %s", host, resp.Status)
	}
	if n := resp.ContentLength; n >= 0 && n != p.size-same {
		return false, fmt.Errorf("%s sends %d bytes and announced %d", host, n, p.size-same)
	}
	buf, old := make([]byte, 256<<10), []byte(nil)
	for p.have < p.size {
		if ctx.Err() != nil { // what has come already would be read to its end
			return false, context.Cause(ctx)
		}
		n, err := resp.Body.Read(buf[:min(int64(len(buf)), p.size-same)])
		touch(n)
		s.progress.Fetched += int64(n)
		part := buf[:n]
		if known := min(int64(n), p.have-same); known > 0 {
			old = slices.Grow(old[:0], int(known))[:known]
			if _, err := p.file.ReadAt(old, same); err != nil {
				return false, err
			}
			if !bytes.Equal(part[:known], old) {
				return false, s.again(p, fmt.Errorf("%s sends other bytes than before", host))
			}
			part = part[known:]
		}
		if len(part) > 0 {
			if _, err := p.file.Write(part); err != nil {
				return false, err
			}
			p.sum.Write(part)
			p.have += int64(len(part))
			s.progress.Done += int64(len(part))
		}
		if same += int64(n); n > 0 {
			s.tell()
		}
		if err != nil && p.have < p.size {
			return false, lost(ctx, err)
		}
	}
	if n, _ := resp.Body.Read(buf[:1]); n > 0 {
		return false, fmt.Errorf("%s sends more than the %d bytes that it announced", host, p.size)
	}
	return false, nil
}

// again makes p begin anew with the next try.
func (s *session) again(p *part, why error) error {
	s.progress.Done -= p.have
	if err := p.restart(); err != nil {
		return err
	}
	return lostError{why}
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
