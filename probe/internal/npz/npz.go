// Package npz has what the NPZ files of features, classifiers and predictions share: a schema and a JSON text in the
// array meta.
package npz

import (
	"encoding/json"
	"fmt"

	"github.com/wiseft/wiseft/datasets/npy"
)

// FirstNonFinite returns the index of the first NaN or infinity, or -1.
func FirstNonFinite[T float32 | float64](x []T) int {
	const group = 8 // that one branch tests
	at := 0
	for ; at+group <= len(x); at += group {
		g := x[at : at+group : at+group]
		// NaN for both
		if (g[0]*0+g[1]*0)+(g[2]*0+g[3]*0)+((g[4]*0+g[5]*0)+(g[6]*0+g[7]*0)) != 0 {
			break
		}
	}
	for i, v := range x[at:] {
		if v*0 != 0 {
			return at + i
		}
	}
	return -1
}

// CheckSchema returns an error unless the schema of a file is the one wanted.
func CheckSchema(got, want string) error {
	if got != want {
		return fmt.Errorf("schema is %q, want %q", got, want)
	}
	return nil
}

// ReadMeta decodes the JSON text in the array meta into dst. A file without that array leaves dst as it is.
func ReadMeta(z *npy.Archive, dst any) error {
	text, _, err := z.Strings("meta")
	if err != nil {
		return err
	}
	if len(text) != 1 {
		return fmt.Errorf("array \"meta\" has %d texts, want 1", len(text))
	}
	if err := json.Unmarshal([]byte(text[0]), dst); err != nil {
		return fmt.Errorf("array \"meta\": %v", err)
	}
	return nil
}
