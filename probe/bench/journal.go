package bench

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"slices"
	"time"

	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/store"
)

// ReadJournal reads the journal in the folder of a run; nil if it has none. Lines that are not whole, as a killed process
// may leave them, are passed over.
func ReadJournal(run fs.FS) (*result.Journal, error) {
	names, err := fs.Glob(run, store.JournalFiles)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	j := &result.Journal{Workers: len(names)}
	for _, name := range names {
		if err := addJournal(j, run, name); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(j.Commands, func(a, b result.JournalCommand) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Command, b.Command))
	})
	return j, nil
}

// addJournal adds the lines of one worker's file.
func addJournal(j *result.Journal, run fs.FS, name string) error {
	file, err := run.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewReader(file)
	for {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		addLine(j, line)
	}
}

// addLine adds a unit or a command; what is neither is passed over.
func addLine(j *result.Journal, line string) {
	var u entry
	var c result.JournalCommand
	if json.Unmarshal([]byte(line), &u) != nil || json.Unmarshal([]byte(line), &c) != nil {
		return
	}
	if c.Command != "" {
		j.Commands = append(j.Commands, c)
		return
	}
	end, err := time.Parse(time.RFC3339, u.End)
	if u.Unit == "" || err != nil {
		return
	}
	j.Units++
	j.UnitSeconds += u.Seconds
	if j.First.IsZero() || end.Before(j.First) {
		j.First = end
	}
	if end.After(j.Last) {
		j.Last = end
	}
}
