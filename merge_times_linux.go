package wiseft

import "syscall"

// bytesFromDisk returns how many bytes the process has read from disks, those that the system read ahead for it included.
func bytesFromDisk() int64 {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return int64(usage.Inblock) * 512 //nolint:unconvert // it is an int32 on 32-bit systems
}
