package datasets

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"path/filepath"

	"github.com/wiseft/wiseft/datasets/internal/archive"
)

func init() {
	f := fileFormat{
		name:       "kitti",
		extensions: []string{".bin"},
		match:      func([]byte) bool { return true }, // the files have no header
		decode:     decodeKITTI,
	}
	fileFormats[".bin"] = f
	Register(Format{
		Name: f.name,
		Doc: "by --format only, since the files have no header: LiDAR scans .bin as in KITTI, float32 x y z intensity, of " +
			"which intensity is left out; a folder of them without labels, or folders " + layoutDoc,
		Match: func(string) (bool, error) { return false, nil },
		Open: func(ctx context.Context, path string, opt OpenOptions) (Dataset, error) {
			return openKITTI(ctx, &f, path, opt)
		},
	})
}

// openKITTI opens a folder of scans without labels, which has no class folders, or what all file formats open.
func openKITTI(ctx context.Context, f *fileFormat, path string, opt OpenOptions) (Dataset, error) {
	info, err := archive.Stat(path)
	if err != nil || !info.IsDir() {
		return f.open(ctx, path, opt)
	}
	names, err := filesWith(path, f.extensions)
	if err != nil || len(names) == 0 {
		return f.open(ctx, path, opt)
	}
	s := &fileSet{info: Info{Name: path, Format: f.name}, format: *f, options: opt}
	for _, name := range names {
		s.paths, s.labels = append(s.paths, filepath.Join(path, name)), append(s.labels, NoLabel)
	}
	s.info.Notes = []string{path + ": has no class folders, so its scans have no labels"}
	return s, nil
}

// decodeKITTI appends the x, y and z of little-endian float32 quadruples.
func decodeKITTI(dst []float32, file []byte, _ fileOptions) ([]float32, error) {
	if len(file) == 0 {
		return nil, errors.New("has no points")
	}
	if len(file)%16 != 0 {
		return nil, fmt.Errorf("has %d bytes, which is no multiple of the 16 of a point x y z intensity", len(file))
	}
	for ; len(file) > 0; file = file[16:] {
		for k := range 3 {
			dst = append(dst, math.Float32frombits(binary.LittleEndian.Uint32(file[4*k:])))
		}
	}
	return dst, nil
}
