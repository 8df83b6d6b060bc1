package output

import (
	"os"
	"path/filepath"
	"strings"
)

// ReplaceFolder calls fill to write the contents of a temporary folder beside dir, and gives it the name dir when they
// are complete. Missing folders above dir are made. An existing dir, which [CheckFolder] has allowed, is exchanged with
// it and removed.
func ReplaceFolder(dir string, fill func(temp string) error) (err error) {
	dir = filepath.Clean(dir)
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return err
	}
	lock, err := createTempFolder(dir)
	if err != nil {
		return err
	}
	open.Add(1)
	defer open.Add(-1)
	defer lock.Close()
	temp := lock.Name()
	defer func() {
		if err != nil {
			_ = remove(temp)
		}
	}()
	if err := fill(temp); err != nil {
		return &inFolderError{err, temp, dir}
	}
	SyncFolder(temp)
	if !exist(filepath.Dir(dir), filepath.Base(dir)) {
		err = Rename(temp, dir)
	} else {
		err = exchangeFolders(temp, dir)
	}
	SyncFolder(filepath.Dir(dir))
	return atPath(dir, err)
}

// inFolderError is an error about a file in a temporary folder, which it names by the final one.
type inFolderError struct {
	err         error
	temp, final string
}

func (e *inFolderError) Error() string { return strings.ReplaceAll(e.err.Error(), e.temp, e.final) }
func (e *inFolderError) Unwrap() error { return e.err }

// exchangeFolders gives a complete folder the name of an old one, which is removed.
func exchangeFolders(temp, dir string) error {
	if err := before("exchange", dir); err != nil {
		return err
	}
	done, err := exchangeNames(temp, dir)
	if err != nil {
		return err
	}
	if done {
		return remove(temp) // the old one
	}
	list := []journalRename{{Temporary: filepath.Base(temp), Final: filepath.Base(dir)}}
	return replaceAll(dir, list, Options{Force: true})
}
