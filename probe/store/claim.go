package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wiseft/wiseft/internal/input"
	"github.com/wiseft/wiseft/internal/output"
)

// Claim marks a unit as being computed by this worker, so that others compute other units first. It is advisory, not a
// lock: the claim of a worker that has died expires, and computing a unit twice is harmless. A claim's file is locked,
// so that workers on the same machine see at once that its worker has died.
type Claim struct {
	folder *Folder
	path   string
	file   *os.File
}

const (
	// beatEvery is how often claims are renewed, and staleAfter the age at which a claim has expired. Network file
	// systems may show times that are a minute old.
	beatEvery  = 30 * time.Second
	staleAfter = 5 * time.Minute
)

// Claim claims a unit. ok is false if another worker has claimed it.
func (f *Folder) Claim(kind string, key Key) (c *Claim, ok bool, err error) {
	dir := filepath.Join(f.root, "claims")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, false, err
	}
	c = &Claim{folder: f, path: filepath.Join(dir, kind+"-"+string(key))}
	for range 2 {
		file, err := os.OpenFile(c.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if err == nil {
			output.Lock(file)
			if _, err = file.WriteString(f.claimText()); err != nil {
				return nil, false, errors.Join(err, file.Close(), os.Remove(c.path))
			}
			c.file = file
			f.hold(c)
			return c, true, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, false, err
		}
		if stale, err := f.stale(c.path); err != nil || !stale {
			return nil, false, err
		}
		if err := os.Remove(c.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, false, err
		}
	}
	return nil, false, nil // another worker was faster
}

// claimText is the contents of a claim: the worker and its machine.
func (f *Folder) claimText() string { return f.worker + "\n" + machine() + "\n" }

// machine returns a name of this machine; "" if it has none.
func machine() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

// stale reports whether the claim has expired, or its worker has died on this machine. Both times compared are those of
// the file system's clock.
func (f *Folder) stale(path string) (bool, error) {
	claim, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if isDead(path) {
		return true, nil
	}
	now, err := f.fileTime()
	return now.Sub(claim.ModTime()) > staleAfter, err
}

// isDead reports whether the worker of a claim has died on this machine.
func isDead(path string) bool {
	text, err := input.ReadFile(path)
	return err == nil && machine() != "" && strings.HasSuffix(string(text), "\n"+machine()+"\n") && output.IsStale(path)
}

// fileTime returns the file system's present time.
func (f *Folder) fileTime() (time.Time, error) {
	file, err := createIn(filepath.Join(f.root, tempFolder), func(temp string) (*os.File, error) {
		return os.CreateTemp(temp, "."+f.worker+".*.time")
	})
	if err != nil {
		return time.Time{}, err
	}
	info, err := file.Stat()
	if err = errors.Join(err, file.Close()); err != nil {
		return time.Time{}, err
	}
	_ = os.Remove(file.Name()) // another worker may have removed it
	return info.ModTime(), nil
}

// Release removes the claim, whether or not the unit was computed.
func (c *Claim) Release() {
	c.folder.mu.Lock()
	delete(c.folder.claims, c)
	if len(c.folder.claims) == 0 {
		c.folder.stopBeat()
	}
	c.folder.mu.Unlock()
	_ = os.Remove(c.path) // a claim that stays expires
	_ = c.file.Close()
}

// hold renews a claim until it is released.
func (f *Folder) hold(c *Claim) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.claims[c] = nil
	if f.beat != nil {
		return
	}
	stop := make(chan struct{})
	f.beat = stop
	f.written.Go(func() {
		tick := time.NewTicker(beatEvery)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				f.freshen()
			}
		}
	})
}

// freshen writes all claims again, which sets their time.
func (f *Folder) freshen() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.claims {
		_ = os.WriteFile(c.path, []byte(f.claimText()), 0o666) // the next beat tries again
	}
}

// stopBeat ends the renewal of claims. f.mu must be locked.
func (f *Folder) stopBeat() {
	if f.beat != nil {
		close(f.beat)
		f.beat = nil
	}
}
