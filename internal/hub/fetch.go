package hub

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
)

// Fetch returns the path in the cache of a file, or of a folder with all its files, downloading what is missing. If the
// server cannot be reached, what the cache has of the revision is used, and said.
func (c *Client) Fetch(ctx context.Context, r Ref) (string, error) {
	if file, ok := c.cached(r, r.Revision); ok && isCommit(r.Revision) {
		return file, nil // a file at a commit never changes
	}
	if c.Offline {
		return c.offline(r, "HF_HUB_OFFLINE is set")
	}
	file, err := c.online(ctx, r)
	if errors.Is(err, errUnreachable) && ctx.Err() == nil {
		known, failed := c.offline(r, err.Error())
		if failed == nil {
			c.note("%s: the server cannot be reached, and the cached commit %s is used", r, commitOf(known))
			return known, nil
		}
	}
	return file, err
}

func commitOf(file string) string {
	r, _ := Of(file)
	return r.Revision
}

// offline returns what the cache has of a revision; why is the reason that the server was not asked, for the error.
func (c *Client) offline(r Ref, why string) (string, error) {
	commit := r.Revision
	if !isCommit(commit) {
		known, err := os.ReadFile(filepath.Join(c.Cache, r.folder(), "refs", filepath.FromSlash(r.Revision)))
		if err == nil {
			commit = strings.TrimSpace(string(known))
		}
	}
	if file, ok := c.cached(r, commit); ok {
		return file, nil
	}
	return "", fault.New(fault.Failed, "%s: is not in the cache %s, and %s", r, c.Cache, why)
}

// cached returns the path of a file, or of a folder that was fetched as a whole, at a commit.
func (c *Client) cached(r Ref, commit string) (string, bool) {
	if !isCommit(commit) {
		return "", false
	}
	file := c.snapshot(r, commit)
	info, err := os.Stat(file)
	if err != nil {
		return "", false
	}
	if info.IsDir() {
		_, err = os.Stat(c.wholeMark(r, commit))
	}
	return file, err == nil
}

// snapshot is the path of r at a commit.
func (c *Client) snapshot(r Ref, commit string) string {
	return filepath.Join(c.Cache, r.folder(), "snapshots", commit, filepath.FromSlash(r.Path))
}

// wholeMark is the file that says that a folder was fetched as a whole.
func (c *Client) wholeMark(r Ref, commit string) string {
	name := strings.ReplaceAll(r.Path, "/", "--")
	return filepath.Join(c.Cache, r.folder(), ".wiseft", commit, "whole--"+name)
}

// online fetches what r names from the server.
func (c *Client) online(ctx context.Context, r Ref) (string, error) {
	if r.Path != "" {
		m, err := c.metadata(ctx, r)
		if err == nil {
			return c.fetchFile(ctx, r, m)
		}
		if !errors.Is(err, errNoEntry) {
			return "", err
		}
	}
	files, err := c.list(ctx, r)
	if err != nil {
		return "", err
	}
	return c.fetchFolder(ctx, r, files)
}

// fetchFolder fetches the files of a folder, all at the commit of the first.
func (c *Client) fetchFolder(ctx context.Context, r Ref, files []string) (string, error) {
	at := r
	for _, name := range files {
		at.Path = name
		if _, ok := c.cached(at, at.Revision); ok {
			continue
		}
		m, err := c.metadata(ctx, at)
		if err != nil {
			return "", err
		}
		if _, err := c.fetchFile(ctx, at, m); err != nil {
			return "", err
		}
		if at.Revision != m.commit {
			if err := c.remember(r, m.commit); err != nil {
				return "", err
			}
			at.Revision = m.commit
		}
	}
	if err := writeFile(c.wholeMark(r, at.Revision), ""); err != nil {
		return "", err
	}
	return c.snapshot(r, at.Revision), nil
}

// fetchFile makes a file appear in the snapshot of its commit.
func (c *Client) fetchFile(ctx context.Context, r Ref, m metadata) (string, error) {
	file := c.snapshot(r, m.commit)
	if err := c.remember(r, m.commit); err != nil {
		return "", err
	}
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	blob := filepath.Join(c.Cache, r.folder(), "blobs", m.etag)
	info, err := os.Stat(blob)
	if err == nil && m.size >= 0 && info.Size() != m.size {
		c.note("%s: the cache has %d bytes of it and the server %d; it is loaded again", r, info.Size(), m.size)
		err = os.Remove(blob)
		if err != nil {
			return "", err
		}
		err = fs.ErrNotExist
	}
	if err != nil {
		if err := c.download(ctx, r, m, blob); err != nil {
			return "", err
		}
	}
	return file, link(blob, file)
}

// remember writes the commit of a branch or tag.
func (c *Client) remember(r Ref, commit string) error {
	if r.Revision == commit {
		return nil
	}
	return writeFile(filepath.Join(c.Cache, r.folder(), "refs", filepath.FromSlash(path.Clean("/" + r.Revision)[1:])), commit)
}

// writeFile writes a small file, which appears when it is whole.
func writeFile(name, text string) error {
	if old, err := os.ReadFile(name); err == nil && string(old) == text {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".wiseft-*")
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// link makes file a relative link to blob, or moves the blob there where links cannot be made.
func link(blob, file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return err
	}
	to, err := filepath.Rel(filepath.Dir(file), blob)
	if err != nil {
		return err
	}
	if err := os.Symlink(to, file); err == nil || errors.Is(err, fs.ErrExist) {
		return nil // another process may have made it
	}
	return os.Rename(blob, file)
}
