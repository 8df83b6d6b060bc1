//go:build !linux

package output

// exchangeNames swaps two files or folders in one step. Only Linux is known to.
func exchangeNames(string, string) (ok bool, err error) { return false, nil }

// renameNew renames a file to a name that does not exist, in one step. Only Linux is known to.
func renameNew(string, string) (ok bool, err error) { return false, nil }
