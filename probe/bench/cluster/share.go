package cluster

import (
	"strconv"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/bench/unit"
)

// numbering is how an environment numbers the processes of a job. Its strings name variables.
type numbering struct {
	index string // the number of this process
	min   string // the first number; "" if no variable has it
	step  string // the distance of two numbers; "" is 1
	count string // the number of processes; "" if no variable has it
	first int    // the first number if no variable has it
}

// numberings are the environments that ParseShare knows.
var numberings = []numbering{
	{
		index: "SLURM_ARRAY_TASK_ID", min: "SLURM_ARRAY_TASK_MIN",
		step: "SLURM_ARRAY_TASK_STEP", count: "SLURM_ARRAY_TASK_COUNT",
	},
	{index: "JOB_COMPLETION_INDEX"},   // Kubernetes has no variable for the count
	{index: "PARALLEL_SEQ", first: 1}, // nor has GNU parallel
}

// ParseShare returns the share of a run that a process computes, by a text: "I/N" is share I of N, counted from 1;
// "auto/N" is one of N shares by the number that Slurm, Kubernetes or GNU parallel gave this process; "auto" takes N
// from the environment, too, which only Slurm has; "" is the whole run. Steal is left unset. getenv is [os.Getenv],
// or stands for it in a test. Errors have the kind Usage of wiseft.KindOf.
func ParseShare(text string, getenv func(name string) string) (unit.Share, error) {
	if text == "" {
		return unit.Share{}, nil
	}
	malformed := fault.Usagef("%s is not I/N with I from 1 to N, auto or auto/N", text)
	which, of, _ := strings.Cut(text, "/")
	n, err := strconv.Atoi(of)
	if (err != nil || n < 1) && text != "auto" {
		return unit.Share{}, malformed
	}
	if which == "auto" {
		return numberedShare(n, getenv)
	}
	i, err := strconv.Atoi(which)
	if err != nil || i < 1 || i > n {
		return unit.Share{}, malformed
	}
	return unit.Share{Index: i - 1, Count: n}, nil
}

// numberedShare returns which of n shares the environment numbers; for n = 0 it reads their number, too.
func numberedShare(n int, getenv func(string) string) (unit.Share, error) {
	for _, e := range numberings {
		if getenv(e.index) == "" {
			continue
		}
		if n == 0 {
			if n = number(getenv(e.count), -1); n < 1 {
				return unit.Share{}, fault.Usagef("auto: %s numbers this share, and no variable has the number of shares", e.index).
					WithHint("give the number with --shard auto/N")
			}
		}
		first, step := number(getenv(e.min), e.first), number(getenv(e.step), 1)
		i := (number(getenv(e.index), -1) - first) / max(step, 1)
		if i < 0 || i >= n {
			return unit.Share{}, fault.Usagef("auto: %s is %s, which is none of %d shares", e.index, getenv(e.index), n)
		}
		return unit.Share{Index: i, Count: n}, nil
	}
	return unit.Share{}, fault.Usagef("auto: no variable of Slurm, Kubernetes or GNU parallel numbers this share").
		WithHint("name it with --shard I/N")
}

// number parses the value of a variable: unset if it is "", and -1 if it is no number.
func number(value string, unset int) int {
	if value == "" {
		return unset
	}
	v, err := strconv.Atoi(value)
	if err != nil {
		return -1
	}
	return v
}
