package datasets

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/wiseft/wiseft/datasets/internal/archive"
)

// Images that are stored corrupted. Their splits are <corruption>_<1 to 5>; the clean images are data of their own.

func init() {
	Register(Format{
		Name: "cifar-c",
		Doc: "folder of corrupted images as NPY: <corruption>.npy, bytes (5 n, height, width, 3) with one severity after the other, " +
			"and labels.npy (CIFAR-10-C, CIFAR-100-C); splits <corruption>_<1 to 5>",
		Match: func(path string) (bool, error) { return hasCIFARC(path), nil },
		Open:  openCIFARC,
	})
	Register(Format{
		Name: "imagenet-c",
		Doc: "folder of corrupted images: <corruption>/<1 to 5>/<class>/ (ImageNet-C); splits <corruption>_<1 to 5>; " +
			"images are read as they are, never resized or cut",
		Match: func(path string) (bool, error) { return hasImageNetC(path), nil },
		Open:  openImageNetC,
	})
}

// imageCorruptions are the names of ImageNet-C's and CIFAR-C's corruptions, with the four that are in no figure.
var imageCorruptions = []string{
	"gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur", "motion_blur", "zoom_blur",
	"snow", "frost", "fog", "brightness", "contrast", "elastic_transform", "pixelate", "jpeg_compression",
	"speckle_noise", "gaussian_blur", "spatter", "saturate",
}

// isFolder reports whether there is a folder. What cannot be looked at is not there.
func isFolder(path ...string) bool {
	info, err := archive.Stat(filepath.Join(path...))
	return err == nil && info.IsDir()
}

func hasCIFARC(dir string) bool {
	return isFile(filepath.Join(dir, cifarLabels)) && slices.ContainsFunc(imageCorruptions, func(name string) bool {
		return isFile(filepath.Join(dir, name+".npy"))
	})
}

func hasImageNetC(dir string) bool {
	return slices.ContainsFunc(imageCorruptions, func(name string) bool {
		return slices.ContainsFunc(severityFolders, func(s string) bool { return isFolder(dir, name, s) })
	})
}

var severityFolders = []string{"1", "2", "3", "4", "5"}

// cifarLabels is the file of labels, which are the same for every severity.
const cifarLabels = "labels.npy"

// corruptedSplit reads a split <corruption>_<severity>.
func corruptedSplit(dir, split string) (corruption string, severity int, err error) {
	at := strings.LastIndexByte(split, '_')
	if at > 0 {
		severity, _ = strconv.Atoi(split[at+1:])
	}
	if severity < 1 || severity > maxSeverity {
		return "", 0, malformed(dir, "has no split %q: its splits are a corruption and a severity from 1 to %d, such as "+
			"brightness_3, and the clean images are other data", split, maxSeverity)
	}
	return split[:at], severity, nil
}

func openCIFARC(ctx context.Context, dir string, opt OpenOptions) (Dataset, error) {
	corruption, severity, err := corruptedSplit(dir, opt.Split)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, corruption+".npy")
	if !isFile(path) {
		return nil, malformed(dir, "has no file %s.npy", corruption)
	}
	all, err := openNPYPair(ctx, path, filepath.Join(dir, cifarLabels))
	if err != nil {
		return nil, err
	}
	var s Sample
	if all.Len() == 0 || all.Len()%maxSeverity != 0 {
		err = malformed(path, "has %d images, want as many of each of %d severities", all.Len(), maxSeverity)
	} else if err = all.Read(ctx, &s, 0); err == nil && (len(s.Shape) != 3 || s.Shape[2] != 3) {
		err = malformed(path, "has images of shape %v, want [height width 3]", s.Shape)
	}
	if err != nil {
		return nil, joinClose(err, all)
	}
	return &stackedImages{Dataset: all, path: path, first: (severity - 1) * (all.Len() / maxSeverity), n: all.Len() / maxSeverity,
		name: dir + " " + opt.Split, split: opt.Split}, nil
}

func joinClose(err error, ds Dataset) error {
	_ = ds.Close() // the first error says what is wrong
	return err
}

// stackedImages are the images of one severity in an array of all, [height width 3] with values from 0 to 255, as
// [3 height width] with values from 0 to 1.
type stackedImages struct {
	Dataset
	path, name, split string
	first, n          int
}

// Info implements Dataset.
func (d *stackedImages) Info() Info {
	info := d.Dataset.Info()
	info.Name, info.Format, info.Split = d.name, "cifar-c", d.split
	return info
}

// Len implements Dataset.
func (d *stackedImages) Len() int { return d.n }

// Label implements Dataset.
func (d *stackedImages) Label(i int) int64 { return d.Dataset.Label(d.first + i) }

// Read implements Dataset.
func (d *stackedImages) Read(ctx context.Context, dst *Sample, i int) error {
	if err := checkIndex(ctx, d.name, i, d.n); err != nil {
		return err
	}
	if err := d.Dataset.Read(ctx, dst, d.first+i); err != nil {
		return err
	}
	height, width := dst.Shape[0], dst.Shape[1]
	x := make([]float32, len(dst.X))
	for p := range height * width {
		for c := range 3 {
			v := dst.X[3*p+c]
			if v < 0 || v > 255 {
				return malformed(d.path, "image %d has the value %g, want 0 to 255", d.first+i, v)
			}
			x[c*height*width+p] = v / 255
		}
	}
	copy(dst.X, x)
	dst.Shape = append(dst.Shape[:0], 3, height, width)
	return nil
}

// Hash implements Dataset.
func (d *stackedImages) Hash(ctx context.Context) (string, error) {
	return DerivedHash(ctx, d.Dataset, fmt.Sprintf("images %d to %d, [3 height width] from 0 to 1", d.first, d.first+d.n))
}

func openImageNetC(ctx context.Context, dir string, opt OpenOptions) (Dataset, error) {
	corruption, severity, err := corruptedSplit(dir, opt.Split)
	if err != nil {
		return nil, err
	}
	split := opt.Split
	folder := filepath.Join(dir, corruption, strconv.Itoa(severity))
	if !isFolder(folder) {
		return nil, malformed(dir, "has no folder %s", filepath.Join(corruption, strconv.Itoa(severity)))
	}
	opt.Split, opt.Format, opt.Resize, opt.Crop = "", "images", 0, 0
	ds, err := Open(ctx, folder, opt)
	if err != nil {
		return nil, err
	}
	return &renamed{Dataset: ds, edit: func(info *Info) {
		info.Name, info.Format, info.Split = dir+" "+split, "imagenet-c", split
	}}, nil
}
