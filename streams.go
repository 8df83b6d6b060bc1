package wiseft

import (
	"errors"
	"io"
	"os"
	"sync/atomic"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/output"
)

// Stdio stands for standard input where a recipe, the result of a run or a file of features is read, and for standard
// output where features are written. Models and data sets are files.
const Stdio = output.Stdio

// stdinRead is set once standard input was read, which has one reader.
var stdinRead atomic.Bool

// openInput is [openFile] for what may come from standard input. That is copied to a temporary file without a name, since
// some formats are read from their ends.
func openInput(path string) (_ *os.File, size int64, err error) {
	if path != Stdio {
		return openFile(path)
	}
	if stdinRead.Swap(true) {
		return nil, 0, fault.Usagef("standard input is named twice").WithHint("write one of them into a file")
	}
	f, err := os.CreateTemp("", "wiseft-stdin-")
	if err != nil {
		return nil, 0, err
	}
	_ = os.Remove(f.Name()) // where open files cannot be removed, the folder of temporary files is cleaned by others
	if size, err = io.Copy(f, os.Stdin); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	if size == 0 {
		return nil, 0, errors.Join(fault.Inputf("standard input is empty"), f.Close())
	}
	return f, size, nil
}
