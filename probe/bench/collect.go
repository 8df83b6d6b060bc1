package bench

import (
	"context"
	"time"

	"github.com/wiseft/wiseft/probe/store"
)

// Collect makes the result of a folder's plan from its units, without models and data: it fits and scores what can be
// fitted and scored from stored features. progress may be nil. If features are missing, the outcome has no result,
// and Missing counts the units.
func Collect(ctx context.Context, folder *store.Folder, progress func(Progress)) (*Outcome, error) {
	spec, err := ReadSpec(folder.Root())
	if err != nil {
		return nil, err
	}
	r := &run{spec: spec, folder: folder, progress: progress, started: time.Now(), modelOf: -1}
	if spec.Landscape != nil {
		r.landscape = &run{spec: spec.Landscape.Points, folder: folder, progress: r.landscapeProgress, started: r.started, modelOf: -1}
	}
	defer r.close()
	out := &Outcome{}
	for tries := 1; ; tries++ {
		if out.Missing, err = r.collect(ctx); err != nil || out.Missing > 0 {
			break
		}
		out.Result, err = newResult(ctx, r.spec, r.folder, r.event)
		if !isMissing(err) || tries > maxTries(spec) {
			break
		}
	}
	out.NCached = spec.Total() - out.Missing
	out.Events = r.told()
	out.Seconds = time.Since(r.started).Seconds()
	return out, err
}

// collect processes all units that need no forward pass, and counts the others.
func (r *run) collect(ctx context.Context) (missing int, err error) {
	for _, u := range r.spec.Units() {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if !r.pending(u) {
			continue
		}
		if r.extracted(u) {
			err = r.process(ctx, u)
		}
		if err != nil && !isMissing(err) {
			return 0, err
		}
		if r.pending(u) {
			missing++
		}
	}
	if r.landscape == nil {
		return missing, nil
	}
	further, err := r.landscape.collect(ctx)
	return missing + further, err
}

// Gather copies the units of another folder of the same plan into folder, with the plan if folder has none, and
// returns how many units were copied. A folder of another plan is a [PlanError].
func Gather(folder *store.Folder, from string) (units int, err error) {
	spec, err := ReadSpec(from)
	if err != nil {
		return 0, err
	}
	if _, err := savePlan(spec, folder, saveOptions{}); err != nil {
		return 0, err
	}
	return folder.Collect(from)
}
