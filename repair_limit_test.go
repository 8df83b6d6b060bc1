package wiseft

import (
	"strings"
	"testing"
)

// A repair takes models up to --model-memory, and never beyond what onnxruntime takes from memory; the error says what to
// do.
func TestLargestRepaired(t *testing.T) {
	t.Parallel()
	const gib = 1 << 30
	for given, want := range map[int64]int64{0: gib, 5: gib, 3 * gib / 2: 3 * gib / 2, 8 * gib: largestRepaired} {
		o := RuntimeOptions{ModelMemory: given}
		if got := o.mostRepaired(); got != want {
			t.Errorf("--model-memory %d: %d, want %d", given, got, want)
		}
	}
	var o RuntimeOptions
	if err := o.tooLargeToRepair(gib + gib/2); !strings.Contains(HintOf(err), "--model-memory 1537MiB") {
		t.Errorf("%v: %s", err, HintOf(err))
	}
	if err := o.tooLargeToRepair(3 * gib); !strings.Contains(HintOf(err), "without --repair: onnxruntime") ||
		!strings.Contains(err.Error(), "3072 MiB, and a repair holds it in memory, up to 1024 MiB") {
		t.Errorf("%v: %s", err, HintOf(err))
	}
}
