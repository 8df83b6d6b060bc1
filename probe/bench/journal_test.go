package bench

import (
	"testing"
	"testing/fstest"
)

func TestReadJournal(t *testing.T) {
	t.Parallel()
	run := fstest.MapFS{
		"journal/a.jsonl": {Data: []byte(`{"unit":"features","key":"00","variant":"a","data":"clean","seconds":2,"end":"2026-01-02T03:04:06Z","cpus":2}
not JSON
{"command":"wiseft sweep b","version":"1","start":"2026-01-02T03:00:00Z","seconds":9}
{"unit":"features","key":"01","variant":"a","data":"clean","seconds":3,"end":"2026-01-02T03:04:05Z","cp`)},
		"journal/b.jsonl": {Data: []byte(`{"unit":"features","seconds":1,"end":"2026-01-02T03:04:04Z"}
{"unit":"features","seconds":1,"end":"yesterday"}
{"command":"wiseft sweep a","version":"1","start":"2026-01-01T03:00:00Z","seconds":9}
`)},
	}
	j, err := ReadJournal(run)
	if err != nil {
		t.Fatal(err)
	}
	if j.Workers != 2 || j.Units != 2 || j.UnitSeconds != 3 || j.First.Second() != 4 || j.Last.Second() != 6 {
		t.Errorf("got %+v", j)
	}
	if len(j.Commands) != 2 || j.Commands[0].Command != "wiseft sweep a" || j.Commands[1].Seconds != 9 {
		t.Errorf("commands: got %+v", j.Commands)
	}
	if j, err := ReadJournal(fstest.MapFS{}); j != nil || err != nil {
		t.Errorf("without a journal: got %+v, %v", j, err)
	}
}
