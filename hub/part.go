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

// A part is a file whose download is not complete.
type part struct {
	remoteFile
	name string // in the cache
	file *os.File
	have int64     // bytes in file
	best int64     // the largest value of have so far
	sum  hash.Hash // of the bytes in file
}

// openPart opens the part at name, with the bytes that an earlier attempt left there.
func openPart(root *os.Root, name string, f remoteFile) (*part, error) {
	if info, err := root.Lstat(name); err == nil && info.Mode().Type() == os.ModeSymlink {
		if err := root.Remove(name); err != nil { // never write through a link
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

// restart makes the part empty.
func (p *part) restart() error {
	p.have, p.sum = 0, p.digest()
	if err := p.file.Truncate(0); err != nil {
		return err
	}
	_, err := p.file.Seek(0, io.SeekStart)
	return err
}

// continuePart downloads the rest of p, and says whether p now has more bytes than ever
// before, by at least leastProgress. If the server ignores the range and sends the file
// from its beginning, the bytes that p already has are compared with what comes; p starts
// again from nothing only if they differ.
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
			return false, s.startOver(p, errors.New(r.Error()))
		}
		return false, err
	}
	defer resp.Body.Close()
	host := resp.Request.URL.Host
	var same int64 // offset of the next byte; below p.have it must equal the byte in p
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
		if ctx.Err() != nil { // Read would still return what is in its buffers
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
				return false, s.startOver(p, fmt.Errorf("%s sends other bytes than before", host))
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
			s.reportProgress()
		}
		if err != nil && p.have < p.size {
			return false, readError(ctx, err)
		}
	}
	if n, _ := resp.Body.Read(buf[:1]); n > 0 {
		return false, fmt.Errorf("%s sends more than the %d bytes that it announced", host, p.size)
	}
	return false, nil
}

// startOver makes p empty and returns an error that is worth another try.
func (s *session) startOver(p *part, why error) error {
	s.progress.Done -= p.have
	if err := p.restart(); err != nil {
		return err
	}
	return lostError{why}
}

// checkRange compares a Content-Range with the requested one: from byte from to the end.
func checkRange(got string, from, size int64) error {
	want := fmt.Sprintf("bytes %d-%d/", from, size-1)
	total, ok := strings.CutPrefix(got, want)
	if n, err := strconv.ParseInt(total, 10, 64); ok && (total == "*" || err == nil && n == size) {
		return nil
	}
	return fmt.Errorf("it was asked for bytes from %d to the end of %d and sends %q", from, size, printable(got))
}
