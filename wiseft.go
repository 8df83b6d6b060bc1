package wiseft

import "github.com/wiseft/wiseft/internal/fault"

// Version is the version of this module. It is written into every merged model and every result.
const Version = "0.2.0"

// Kind is what an error is about. The command line turns it into its exit code.
type Kind = fault.Kind

// The kinds of errors.
const (
	Failed   = fault.Failed   // the system, or a bug: a full disk, no onnxruntime; exit code 1
	Usage    = fault.Usage    // the request: an option out of range, an unknown name, an output that exists; exit code 2
	Input    = fault.Input    // a file that is malformed, or valid and not supported; exit code 3
	Mismatch = fault.Mismatch // inputs that are valid one by one and do not fit together; exit code 4
)

// KindOf returns the kind of an error of this module, and Failed for any other.
func KindOf(err error) Kind { return fault.KindOf(err) }

// HintOf returns what the user may do about an error, or "". Hints and some messages name flags of the command line, as
// in "replace it with --force"; the comments of the option fields say what each is for.
func HintOf(err error) string { return fault.HintOf(err) }

// Monitor receives what a long call reports while it runs. The zero value receives nothing. Both functions
// may be called from several goroutines at once, and should return quickly.
type Monitor struct {
	Progress func(Progress)
	// Note receives one line, without a newline: a choice that was made, or what should be known about a result.
	Note func(line string)
}

// Progress is how far a long call is.
type Progress struct {
	What  string // "merging", "corrupting: jitter 3"
	Unit  string // of Done and Total: "MiB", "clouds", "tensors"
	Done  int
	Total int // 0 while it is not known
}

func (m Monitor) note(line string) {
	if m.Note != nil {
		m.Note(line)
	}
}

func (m Monitor) progress(p Progress) {
	if m.Progress != nil {
		m.Progress(p)
	}
}

// mebibytes returns a progress function of bytes.
func (m Monitor) mebibytes(what string) func(done, total int64) {
	return func(done, total int64) { m.progress(Progress{what, "MiB", int(done >> 20), int(total >> 20)}) }
}

// units returns a progress function of whole units.
func (m Monitor) units(what, unit string) func(done, total int64) {
	return func(done, total int64) { m.progress(Progress{what, unit, int(done), int(total)}) }
}
