package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/output"
)

// download fetches a file into blob, which appears when it is whole. What a former process left is continued; another
// process that downloads the same file is waited for.
func (c *Client) download(ctx context.Context, r Ref, m metadata, blob string) error {
	if err := os.MkdirAll(filepath.Dir(blob), 0o777); err != nil {
		return err
	}
	part, err := c.openPart(ctx, blob)
	if err != nil || part == nil { // another process has it
		return err
	}
	defer part.Close()
	for restarted := false; ; restarted = true {
		err := c.fill(ctx, r, m, part)
		if err == nil {
			break
		}
		if !errors.Is(err, errDamaged) || restarted {
			return err
		}
		if err := part.Truncate(0); err != nil { // what was continued may have been another file's
			return err
		}
	}
	if err := errors.Join(part.Sync(), part.Chmod(0o644)); err != nil {
		return err
	}
	return os.Rename(part.Name(), blob)
}

// partWait is how long a process waits before it looks again whether another one is done.
const partWait = 200 * time.Millisecond

// openPart opens and locks the file that a blob is downloaded into; nil if meanwhile the blob is there. Where files
// cannot be locked, the name is new each time.
func (c *Client) openPart(ctx context.Context, blob string) (*os.File, error) {
	if !output.HasLocks {
		return os.CreateTemp(filepath.Dir(blob), filepath.Base(blob)+".*.incomplete")
	}
	for {
		f, err := os.OpenFile(blob+".incomplete", os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, err
		}
		if !output.IsLocked(f) {
			now, err := os.Stat(f.Name())
			mine, failed := f.Stat()
			if err == nil && failed == nil && os.SameFile(now, mine) {
				if _, err := os.Stat(blob); err != nil {
					return f, nil
				}
				_ = os.Remove(f.Name()) // made after another process was done
			}
		}
		_ = f.Close()
		if _, err := os.Stat(blob); err == nil {
			return nil, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(partWait):
		}
	}
}

var errDamaged = errors.New("the file is damaged")

// fill downloads until the file is whole, and compares its hash.
func (c *Client) fill(ctx context.Context, r Ref, m metadata, part *os.File) error {
	done, err := part.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if m.size >= 0 && done > m.size {
		done = 0
	}
	most := done // so far: only more than that is progress
	for try := 0; m.size < 0 || done < m.size; try++ {
		var after time.Duration
		done, after, err = c.receive(ctx, r, m, part, done)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !errors.Is(err, errUnreachable) || try+1 >= maxTries {
			return err
		}
		if _, ok := errors.AsType[silentError](err); ok {
			return err
		}
		if done > most {
			most, try = done, 0
		}
		if err := c.pause(ctx, try, after); err != nil {
			return err
		}
	}
	if err := part.Truncate(done); err != nil {
		return err
	}
	return verify(r, m, part, done)
}

// receive asks for the bytes from done on and writes them. It returns how many there are in all, and how long the
// server asks to wait after an error.
func (c *Client) receive(ctx context.Context, r Ref, m metadata, part *os.File, done int64) (int64, time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	at := r
	at.Revision = m.commit
	header := http.Header{}
	if done > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", done))
	}
	response, err := c.send(ctx, http.MethodGet, c.address(at), header, true)
	if err != nil {
		return done, 0, fault.New(fault.Failed, "%s: %w: %w", r, errUnreachable, err)
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusOK:
		done = 0 // also if a range was asked for
	case response.StatusCode == http.StatusPartialContent &&
		strings.HasPrefix(response.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", done)):
	case isPassing(response.StatusCode):
		return done, retryAfter(response.Header), fmt.Errorf("%w: %w", errUnreachable, c.refusal(r, response))
	case response.StatusCode == http.StatusPartialContent || response.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return 0, 0, fmt.Errorf("%w: it gives another part than the one asked for", errUnreachable)
	default:
		return done, 0, c.refusal(r, response)
	}
	if _, err := part.Seek(done, io.SeekStart); err != nil {
		return done, 0, err
	}
	body := c.watched(response.Body, cancel)
	limit := int64(1) << 62
	if m.size >= 0 {
		limit = m.size - done
	}
	w := &counted{c: c, part: part, name: r.String(), done: done, total: m.size}
	_, err = io.Copy(w, io.LimitReader(body, limit))
	if w.err != nil { // the disk's
		return w.done, 0, w.err
	}
	if err == nil && m.size >= 0 && w.done < m.size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return w.done, 0, fault.New(fault.Failed, "%s: %w after %d bytes: %w", r, errUnreachable, w.done, err)
	}
	return w.done, 0, nil
}

// counted writes a part and reports its progress.
type counted struct {
	c           *Client
	part        *os.File
	name        string
	done, total int64
	err         error
}

func (w *counted) Write(p []byte) (int, error) {
	n, err := w.part.Write(p)
	w.done, w.err = w.done+int64(n), err
	w.c.progress(w.name, w.done, w.total)
	return n, err
}

// watched is a body that is given up when it brings nothing for a while.
func (c *Client) watched(body io.Reader, cancel context.CancelCauseFunc) io.Reader {
	stall := c.stall
	if stall == 0 {
		stall = stallWait
	}
	timer := time.AfterFunc(stall, func() { cancel(errors.New("the connection brings nothing")) })
	return readerFunc(func(p []byte) (int, error) {
		n, err := body.Read(p)
		timer.Reset(stall)
		if err != nil {
			timer.Stop()
		}
		return n, err
	})
}

type readerFunc func(p []byte) (int, error)

// Read implements io.Reader.
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// verify compares the hash of a file with the one that the server names.
func verify(r Ref, m metadata, part *os.File, size int64) error {
	h := sha256.New()
	if len(m.etag) == 2*sha1.Size { // git's hash of a small file
		h = sha1.New()
		fmt.Fprintf(h, "blob %d\x00", size)
	}
	if _, err := io.Copy(h, io.NewSectionReader(part, 0, size)); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != m.etag {
		return fault.New(fault.Failed, "%s: %w: its hash is %s, and the server names %s", r, errDamaged, got, m.etag)
	}
	return nil
}
