package result

import "time"

// Journal is who made a run, and when. It differs between runs of one plan, and is no part of a result.
type Journal struct {
	Commands []JournalCommand // in the order of their starts
	// Units is how many units were computed, and UnitSeconds the sum of their times. First and Last are when the first and
	// the last of them was done.
	Units       int
	UnitSeconds float64
	First, Last time.Time
	Workers     int // files of the journal, one for every process
}

// JournalCommand is a command that worked on a run until its end.
type JournalCommand struct {
	Command string    `json:"command"`
	Version string    `json:"version"`
	Start   time.Time `json:"start"`
	Seconds float64   `json:"seconds"`
}
