package hub

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
)

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
		if ctx.Err() != nil { // what has come already would be read to its end
			return further, context.Cause(ctx)
		}
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
