package output

import (
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

// renameat2Numbers are the numbers of the system call renameat2, which package syscall lacks. They never change.
var renameat2Numbers = map[string]uintptr{
	"amd64": 316, "386": 353, "arm": 382, "arm64": 276, "riscv64": 276, "loong64": 276, "ppc64le": 357, "s390x": 347,
}

// Flags of renameat2, in linux/fs.h.
const (
	renameNoReplace = 1
	renameExchange  = 2
)

// exchangeNames swaps two files or folders in one step. ok is false if the file system cannot.
func exchangeNames(a, b string) (ok bool, err error) { return renameat2(a, b, renameExchange) }

// renameNew renames a file to a name that does not exist. ok is false if the file system cannot say so in one step.
func renameNew(from, to string) (ok bool, err error) { return renameat2(from, to, renameNoReplace) }

func renameat2(from, to string, flags uintptr) (ok bool, err error) {
	number, known := renameat2Numbers[runtime.GOARCH]
	if !known {
		return false, nil
	}
	a, err := syscall.BytePtrFromString(from)
	if err != nil {
		return true, err
	}
	b, err := syscall.BytePtrFromString(to)
	if err != nil {
		return true, err
	}
	const workingFolder = ^uintptr(99) // AT_FDCWD, which is -100
	_, _, failed := syscall.Syscall6(number, workingFolder, uintptr(unsafe.Pointer(a)), workingFolder,
		uintptr(unsafe.Pointer(b)), flags, 0)
	switch failed {
	case 0:
		return true, nil
	case syscall.EINVAL, syscall.ENOSYS, syscall.ENOTSUP:
		return false, nil
	}
	return true, &os.LinkError{Op: "rename", Old: from, New: to, Err: failed}
}
