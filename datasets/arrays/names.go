package arrays

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// Names by which arrays are found, in lower case: those of the field's data sets, and of what scikit-learn, Keras,
// MedMNIST and the point-cloud repositories store.
var (
	sampleNames = []string{
		"x", "data", "point", "points", "pointcloud", "pointclouds", "point_cloud", "point_clouds", "pc", "pcs", "cloud",
		"clouds", "feature", "features", "feat", "feats", "embedding", "embeddings", "embeds", "emb", "vectors", "image",
		"images", "imgs", "input", "inputs", "samples", "signal", "signals",
	}
	labelNames = []string{
		"y", "label", "labels", "target", "targets", "class", "classes", "class_id", "class_ids", "category", "categories",
	}
	classNames = []string{"classes", "class_names", "label_names", "target_names", "categories"}
)

// splits are the words of names that mean splits, with the name that the split gets.
var splits = map[string]string{
	"train": "train", "training": "train", "test": "test", "testing": "test",
	"val": "val", "valid": "val", "validation": "val", "dev": "val",
}

// canonical returns the name under which a split is found: val for validation.
func canonical(split string) string {
	if name := splits[strings.ToLower(split)]; name != "" {
		return name
	}
	return split
}

// IsSplit reports whether a word means a split: train, test, val and their longer forms.
func IsSplit(word string) bool { return splits[strings.ToLower(word)] != "" }

// IsSampleName reports whether samples are looked for under a name, in whatever case.
func IsSampleName(name string) bool {
	base, _ := parse(name)
	return slices.Contains(sampleNames, base)
}

// IsLabelName reports whether labels are looked for under a name, in whatever case.
func IsLabelName(name string) bool { base, _ := parse(name); return slices.Contains(labelNames, base) }

// parse returns the name of an array without the word of its split, in lower case: x and train for X_train, train_x and
// Xtrain. Names that are known in no such form have no split.
func parse(name string) (base, split string) {
	lower := strings.ToLower(name)
	for _, word := range sortedKeys(splits) {
		for _, cut := range []func(string, string) (string, bool){strings.CutSuffix, strings.CutPrefix} {
			rest, ok := cut(lower, word)
			rest = strings.Trim(rest, "_-. /")
			if ok && (slices.Contains(sampleNames, rest) || slices.Contains(labelNames, rest)) {
				return rest, splits[word]
			}
		}
	}
	return lower, ""
}

// plainLabelFiles are the names of the file with the labels beside an NPY file, in the order in which they are looked
// for.
var plainLabelFiles = []string{"label.npy", "labels.npy", "y.npy", "target.npy", "targets.npy"}

// IsPlainLabelFile reports whether the name of a file is that of labels, without a split: label.npy.
func IsPlainLabelFile(path string) bool { return slices.Contains(plainLabelFiles, filepath.Base(path)) }

// IsLabelFile reports whether the name of an NPY file is that of labels: label.npy, y_train.npy.
func IsLabelFile(path string) bool {
	base, split := parse(strings.TrimSuffix(filepath.Base(path), ".npy"))
	return IsPlainLabelFile(path) || split != "" && slices.Contains(labelNames, base)
}

// LabelFile returns the path of the file with the labels of an NPY file beside it: the one whose name differs in the
// word for samples (y_train.npy beside X_train.npy), or a plain one. It is "" if none of them exists.
func LabelFile(path string, exists func(string) bool) string {
	dir, file := filepath.Split(path)
	if base, split := parse(strings.TrimSuffix(file, ".npy")); split != "" {
		for _, name := range labelNames {
			for _, other := range swapped(strings.TrimSuffix(file, ".npy"), base, name) {
				if exists(dir + other + ".npy") {
					return dir + other + ".npy"
				}
			}
		}
	}
	for _, name := range plainLabelFiles {
		if exists(dir + name) {
			return dir + name
		}
	}
	return ""
}

// swapped returns a name with the word for samples replaced by one for labels, as it is and with a capital.
func swapped(name, word, label string) []string {
	at := strings.Index(strings.ToLower(name), word)
	var list []string
	for _, l := range []string{label, strings.ToUpper(label[:1]) + label[1:]} {
		list = append(list, name[:at]+l+name[at+len(word):])
	}
	return list
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
