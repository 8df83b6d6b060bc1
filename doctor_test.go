package wiseft_test

import (
	"os"
	"testing"

	"github.com/wiseft/wiseft"
)

func TestDiagnose(t *testing.T) {
	opt := wiseft.RuntimeOptions{Library: os.Getenv("WISEFT_ONNXRUNTIME"), Offline: true}
	d, err := wiseft.Diagnose(t.Context(), opt, wiseft.Monitor{})
	if err != nil {
		t.Fatal(err)
	}
	if d.Library == nil && (len(d.Problems) == 0 || os.Getenv("REQUIRE_ORT") == "1") {
		t.Errorf("no library works; got the problems %v", d.Problems)
	}
	for _, p := range d.Problems {
		if p.What == "" || p.Mend == "" {
			t.Errorf("the problem %+v is incomplete", p)
		}
	}
	if d.Version != wiseft.Version || d.Cores < 1 || d.CUDA == "" {
		t.Errorf("got %+v", d)
	}
	opt.Device = "tpu"
	if _, err := wiseft.Diagnose(t.Context(), opt, wiseft.Monitor{}); wiseft.KindOf(err) != wiseft.Usage {
		t.Errorf("device tpu: got %v, want an error of kind usage", err)
	}
}
