package datasets

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/datasets/internal/archive"
	"github.com/wiseft/wiseft/datasets/npy"
)

// Folders of ShapeNet-55, as Point-BERT and Point-MAE lay it out.
const (
	shapeNetLists  = "ShapeNet-55"
	shapeNetClouds = "shapenet_pc"
)

func init() {
	Register(Format{
		Name: "shapenet55",
		Doc: "folder of ShapeNet-55: ShapeNet-55/train.txt and test.txt list shapenet_pc/<synset>-<model>.npy, (n,3) floats; " +
			"classes are the synsets, sorted",
		Match: func(path string) (bool, error) {
			lists, err := shapeNetSplits(path)
			return len(lists) > 0, err
		},
		Open: openShapeNet,
	})
}

// shapeNetSplits returns the lists by split; none if the folder is no such data.
func shapeNetSplits(dir string) (map[string]string, error) {
	if info, err := archive.Stat(filepath.Join(dir, shapeNetClouds)); err != nil || !info.IsDir() {
		return nil, nil
	}
	paths, err := archive.Glob(filepath.Join(dir, shapeNetLists), "*.txt")
	lists := map[string]string{}
	for _, path := range paths {
		lists[strings.TrimSuffix(filepath.Base(path), ".txt")] = path
	}
	return lists, err
}

func openShapeNet(ctx context.Context, path string, opt OpenOptions) (Dataset, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	lists, err := shapeNetSplits(path)
	if err != nil {
		return nil, err
	}
	split, err := chosenSplit(path, sortedKeys(lists), opt.Split)
	if err != nil {
		return nil, err
	}
	s := &fileSet{info: Info{Name: path + " " + split, Format: "shapenet55", Split: split}}
	s.format = fileFormat{name: "shapenet55", decode: decodeNPYCloud}
	classes := map[string]bool{}
	listed := map[string][]string{}
	for name, list := range lists { // of all splits, so that labels agree between them
		if listed[name], err = readLines(list); err != nil {
			return nil, err
		}
		for i, line := range listed[name] {
			synset, _, ok := strings.Cut(line, "-")
			if !ok || line != filepath.Base(line) || filepath.Ext(line) != ".npy" {
				return nil, malformed(list, "line %d: %.80q is not <synset>-<model>.npy", i+1, line)
			}
			classes[synset] = true
		}
	}
	s.info.Classes = sortedKeys(classes)
	for _, line := range listed[split] {
		synset, _, _ := strings.Cut(line, "-")
		s.paths = append(s.paths, filepath.Join(path, shapeNetClouds, line))
		s.labels = append(s.labels, int64(slices.Index(s.info.Classes, synset)))
	}
	if len(s.paths) == 0 {
		return nil, malformed(lists[split], "lists no samples")
	}
	return s, nil
}

// decodeNPYCloud appends the x, y and z of a cloud (n,3) or with more columns.
func decodeNPYCloud(dst []float32, file []byte, _ fileOptions) ([]float32, error) {
	rows, err := npy.OpenArray(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, err
	}
	if err := rows.CheckNumbers(); err != nil {
		return nil, err
	}
	if len(rows.Shape) != 2 || rows.Shape[1] < 3 || rows.Shape[1] > maxCloudColumns {
		return nil, fmt.Errorf("has shape %v, want [points 3] or more columns", rows.Shape)
	}
	row := make([]float32, rows.Shape[1])
	for i := range rows.Shape[0] {
		if err := rows.Float32s(row, i*len(row)); err != nil {
			return nil, err
		}
		dst = append(dst, row[:3]...)
	}
	return dst, nil
}

// maxCloudColumns bounds the columns of a point: coordinates, normals, colours and a few more.
const maxCloudColumns = 1 << 10
