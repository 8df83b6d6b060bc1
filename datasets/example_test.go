package datasets_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/wiseft/wiseft/datasets"
)

// lidarFormat reads files of a program's own: the line "LIDAR", then a line "label x y z" for each cloud of one point.
var lidarFormat = datasets.Format{
	Name: "lidar-text",
	Doc:  `text: "LIDAR", then lines "label x y z"`,
	Match: func(path string) (bool, error) {
		if info, err := os.Stat(path); err != nil || info.IsDir() {
			return false, err
		}
		text, err := os.ReadFile(path)
		return bytes.HasPrefix(text, []byte("LIDAR\n")), err
	},
	Open: func(ctx context.Context, path string, opt datasets.OpenOptions) (datasets.Dataset, error) {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		var samples []datasets.Sample
		for line := range bytes.Lines(bytes.TrimPrefix(text, []byte("LIDAR\n"))) {
			s := datasets.Sample{X: make([]float32, 3), Shape: []int{1, 3}}
			if _, err := fmt.Sscan(string(line), &s.Label, &s.X[0], &s.X[1], &s.X[2]); err != nil {
				return nil, &datasets.FormatError{Path: path, Detail: fmt.Sprintf("cloud %d: %v", len(samples), err)}
			}
			samples = append(samples, s)
		}
		return datasets.NewMemory(datasets.Info{Name: path, Format: "lidar-text"}, samples)
	},
}

func init() { datasets.Register(lidarFormat) }

// A program registers its own data format once. [datasets.Open] then recognises its files.
func ExampleRegister() {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("example-%d.lidar", os.Getpid()))
	if err := os.WriteFile(path, []byte("LIDAR\n7 0.5 0 1\n3 0 0 2\n"), 0o666); err != nil {
		log.Fatal(err)
	}
	defer os.Remove(path)
	ctx := context.Background()
	ds, err := datasets.Open(ctx, path, datasets.OpenOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer ds.Close()
	var s datasets.Sample
	if err := ds.Read(ctx, &s, 0); err != nil {
		log.Fatal(err)
	}
	fmt.Println(ds.Info().Format, ds.Len(), s.Label, s.X)
	// Output: lidar-text 2 7 [0.5 0 1]
}
