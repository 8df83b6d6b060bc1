package method_test

import (
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/method/methodtest"
)

func TestMethods(t *testing.T) {
	t.Parallel()
	names := method.Names()
	if len(names) < 20 {
		t.Fatalf("%d methods", len(names))
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := method.Lookup(name)
			if err != nil {
				t.Fatal(err)
			}
			methodtest.Run(t, m)
		})
	}
}
