package wiseft

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/bench"
	"github.com/wiseft/wiseft/probe/protocol"
)

// Transfer is data on whose features every model is measured, to judge backbones by other data than the target. Its
// labels choose nothing.
type Transfer struct {
	Name string // for results; "" is Data.Path
	// Data is a data set with the splits train and test, or a folder of published few-shot folds: 0.pkl, 1.pkl, ..., or
	// folders of them, such as 5way_10shot.
	Data      Data
	Test      Data     // test data of its own; the zero value is the split test of Data
	Protocols []string // as [protocol.Names] lists them; nil is all that the data has
}

// ParseTransfer reads "DATA", "DATA:svm,knn" or "NAME=DATA:svm,knn", with TRAIN,TEST in the place of DATA for training
// and test data of their own. What follows the last colon is a part of DATA unless it consists of protocol names; = and
// commas are if there is such a file.
func ParseTransfer(text string) (t Transfer) {
	if at := strings.LastIndex(text, ":"); at > 0 {
		names := strings.Split(text[at+1:], ",")
		if !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(protocol.Names(), name) }) {
			text, t.Protocols = text[:at], names
		}
	}
	if name, path, named := strings.Cut(text, "="); named && !exists(text) {
		t.Name, text = name, path
	}
	t.Data.Path = text
	if train, test, two := strings.Cut(text, ","); two && !exists(text) {
		t.Data.Path, t.Test.Path = train, test
	}
	return t
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// test returns the test data.
func (t Transfer) test() Data {
	if t.Test.isZero() {
		return t.Data
	}
	return t.Test
}

// paths returns the files and folders that t names.
func (t Transfer) paths() []string { return append(t.Data.paths(), t.Test.paths()...) }

// openTransfers opens the transfer sets of a plan. Unlike the other data sets they may be data that has another role.
func (d *dataOpener) openTransfers(ctx context.Context, o MeasureOptions, plan *bench.Plan) error {
	for _, t := range o.Transfers {
		opened, err := d.openTransfer(ctx, t)
		if err != nil {
			return err
		}
		plan.Transfers = append(plan.Transfers, opened)
	}
	return nil
}

func (d *dataOpener) openTransfer(ctx context.Context, t Transfer) (opened bench.Transfer, err error) {
	opened = bench.Transfer{Name: cmp.Or(t.Name, t.Data.Path), Protocols: t.Protocols}
	for _, name := range t.Protocols {
		if _, err := protocol.Lookup(name); err != nil {
			return opened, fault.Usagef("there is no protocol %s", name).
				WithHint("there are %s", strings.Join(protocol.Names(), ", "))
		}
	}
	if folders := foldFolders(t.Data); len(folders) > 0 {
		if opened.Protocols == nil {
			opened.Protocols = []string{protocol.FewShot}
		}
		opened.Folds, err = d.openFolds(ctx, t.Data, folders)
		return opened, err
	}
	if opened.Protocols == nil {
		opened.Protocols = []string{"svm", protocol.FewShot, "knn", "probe"}
	}
	if opened.Train, err = d.openPart(ctx, t.Data, "train"); err != nil {
		return opened, t.explain(err)
	}
	if !slices.ContainsFunc(opened.Protocols, needsTest) {
		return opened, nil
	}
	if opened.Test, err = d.openPart(ctx, t.test(), "test"); err != nil {
		return opened, err
	}
	return opened, checkDistinct(ctx, opened.Train, opened.Test)
}

func needsTest(name string) bool {
	p, err := protocol.Lookup(name)
	return err == nil && p.NeedsTest
}

// explain says that what was taken for a part of the path may be meant as protocols.
func (t Transfer) explain(err error) error {
	at := strings.LastIndex(t.Data.Path, ":")
	e, ok := err.(*fault.Error) //nolint:errorlint // a hint is added to the error itself
	if !ok || at < 0 || t.Protocols != nil {
		return err
	}
	return e.WithHint("if %s is meant as protocols: there are %s", t.Data.Path[at+1:], strings.Join(protocol.Names(), ", "))
}

// openPart opens a part of transfer data.
func (d *dataOpener) openPart(ctx context.Context, source Data, split string) (datasets.Dataset, error) {
	source.Split = split
	opened, err := OpenData(ctx, source)
	if err == nil {
		d.closers = append(d.closers, func() error { return source.close(opened) })
	}
	return opened, err
}

// checkDistinct refuses data whose training and test samples are the same, because it has no splits.
func checkDistinct(ctx context.Context, train, test datasets.Dataset) error {
	a, err := train.Hash(ctx)
	if err != nil {
		return err
	}
	b, err := test.Hash(ctx)
	if err == nil && a == b {
		return fault.Inputf("%s: the transfer data has no splits train and test, so that test samples would be fitted on",
			train.Info().Name).WithHint("name two data sets, TRAIN,TEST, or measure %s alone: DATA:%[1]s", protocol.FewShot)
	}
	return err
}

var (
	foldFile   = regexp.MustCompile(`^\d+\.pkl$`)
	foldFolder = regexp.MustCompile(`^\d+_?way_?\d+_?shot$`)
)

// foldFolders returns the folders of published few-shot folds that data names; nil if it is a data set.
func foldFolders(d Data) (folders []string) {
	entries, err := os.ReadDir(d.Path)
	if err != nil || d.Set != nil {
		return nil
	}
	for _, e := range entries {
		switch {
		case foldFile.MatchString(e.Name()):
			return []string{d.Path}
		case foldFolder.MatchString(e.Name()):
			folders = append(folders, filepath.Join(d.Path, e.Name()))
		}
	}
	slices.SortFunc(folders, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	return folders
}

// openFolds opens the published folds of folders, each of which is a task.
func (d *dataOpener) openFolds(ctx context.Context, source Data, folders []string) (list []bench.TransferFold, err error) {
	for _, dir := range folders {
		files, err := foldFiles(dir)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			source.Path = file
			fold := bench.TransferFold{Task: filepath.Base(dir)}
			if fold.Train, err = d.openPart(ctx, source, "train"); err != nil {
				return nil, err
			}
			if fold.Test, err = d.openPart(ctx, source, "test"); err != nil {
				return nil, err
			}
			list = append(list, fold)
		}
	}
	return list, nil
}

// transferRoles compares the samples of transfer data: test samples that are training samples of the same set are an
// error like other shared samples, those that the target's probes are fitted on a doubt.
func transferRoles(ctx context.Context, plan *bench.Plan, others []*roleData) error {
	var target []*roleData
	for _, r := range others {
		if r.fits() {
			target = append(target, r)
		}
	}
	for _, t := range plan.Transfers {
		if t.Test == nil {
			continue
		}
		train := &roleData{role: "transfer training", ds: t.Train}
		test := &roleData{role: "transfer test", ds: t.Test}
		for _, r := range []*roleData{train, test} {
			if err := r.read(ctx); err != nil {
				return err
			}
		}
		plan.Shared = append(plan.Shared, test.sharedWith([]*roleData{train})...)
		plan.Doubts = append(plan.Doubts, test.sharedWith(target)...)
	}
	return nil
}
