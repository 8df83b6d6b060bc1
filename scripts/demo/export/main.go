// Command export writes the point clouds of package datasets/shapes for training
// in Python: raw arrays and index.json, which describes them.
//
//	go run ./scripts/demo/export -o DIR
//
// Each set is NAME.f32 (points, float32 of shape samples x points x 3) and
// NAME.i64 (labels, int64), little-endian, in row-major order.
package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/shapes"
)

// set is one data set of the index.
type set struct {
	Name    string   `json:"name"`
	Samples int      `json:"samples"`
	Points  int      `json:"points"`
	Classes []string `json:"classes"`
	Hash    string   `json:"hash"`
	History []string `json:"history"`
}

func main() {
	dir := flag.String("o", "", "folder to write to")
	points := flag.Int("points", 256, "points of each scan; CAD clouds have twice as many to choose from")
	seed := flag.Uint64("seed", 0, "seed of the generator")
	source := flag.Int("source", 600, "CAD clouds a class")
	target := flag.Int("target", 60, "scans a class")
	split := flag.String("split", "train", "train, val or test")
	flag.Parse()
	if *dir == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := export(*dir, plan(*points, *seed, *source, *target, *split)); err != nil {
		fmt.Fprintln(os.Stderr, "export:", err)
		os.Exit(1)
	}
}

// named is a set to be written under a name.
type named struct {
	name string
	shapes.Options
}

// plan lists the sets: all classes in the domain CAD, and the indoor classes as scans.
func plan(points int, seed uint64, source, target int, split string) []named {
	cad := shapes.Options{Domain: shapes.CAD, Points: 2 * points, Seed: seed}
	scan := shapes.Options{Domain: shapes.Scan, Points: points, Seed: seed, Classes: shapes.Indoor()}
	cad.Split, cad.PerClass = split, source
	scan.Split, scan.PerClass = split, target
	return []named{{"cad_" + split, cad}, {"scan_" + split, scan}}
}

func export(dir string, sets []named) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	var index []set
	for _, s := range sets {
		d, err := shapes.New(s.Options)
		if err != nil {
			return err
		}
		written, err := write(filepath.Join(dir, s.name), d)
		if err != nil {
			return err
		}
		written.Name, written.Points = s.name, s.Points
		index = append(index, written)
	}
	text, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "index.json"), text, 0o666)
}

// write stores d as path.f32 and path.i64.
func write(path string, d datasets.Dataset) (set, error) {
	ctx := context.Background()
	var x, y []byte
	var sample datasets.Sample
	for i := range d.Len() {
		if err := d.Read(ctx, &sample, i); err != nil {
			return set{}, err
		}
		x, _ = binary.Append(x, binary.LittleEndian, sample.X) // a slice of float32 always has a size
		y = binary.LittleEndian.AppendUint64(y, uint64(sample.Label))
	}
	if err := os.WriteFile(path+".f32", x, 0o666); err != nil {
		return set{}, err
	}
	if err := os.WriteFile(path+".i64", y, 0o666); err != nil {
		return set{}, err
	}
	hash, err := d.Hash(ctx)
	if err != nil {
		return set{}, err
	}
	info := d.Info()
	return set{Samples: d.Len(), Classes: info.Classes, Hash: hash, History: info.History}, nil
}
