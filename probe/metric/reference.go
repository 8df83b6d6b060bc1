package metric

import (
	"fmt"

	"github.com/wiseft/wiseft/internal/registry"
)

// Rounding is where the evaluation of a suite rounds to three decimals.
type Rounding int

// The roundings in use.
const (
	// RoundStages rounds every figure at once, so that later ones are computed from rounded values: evaluations that
	// print while a model runs.
	RoundStages Rounding = iota
	// RoundEnd rounds figures for output only: calculators whose input is a table of accuracies.
	RoundEnd
)

// MarshalText implements encoding.TextMarshaler.
func (r Rounding) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Rounding) UnmarshalText(text []byte) error {
	for _, known := range []Rounding{RoundStages, RoundEnd} {
		if known.String() == string(text) {
			*r = known
			return nil
		}
	}
	return fmt.Errorf("rounding %q is neither stages nor end", text)
}

// String returns the name that reference files use.
func (r Rounding) String() string {
	switch r {
	case RoundStages:
		return "stages"
	case RoundEnd:
		return "end"
	}
	return "unknown"
}

// Reference has the accuracies of the classifier to which a suite's corruption errors are relative, and the rounding
// of the suite's evaluation. Its slice and map must not be changed.
type Reference struct {
	ID          string             `json:"id"`     // by which it is looked up: "modelnet-c"
	Name        string             `json:"name"`   // for results and tables: "DGCNN on ModelNet-C"
	Title       string             `json:"title"`  // the data's name in the publication: "ModelNet-C"
	Suite       string             `json:"suite"`  // registered name of the corruption suite
	Source      string             `json:"source"` // where the figures were published
	Rounding    Rounding           `json:"rounding"`
	Clean       float64            `json:"clean"`
	Corruptions []string           `json:"corruptions"` // in the order of the suite, in which means are summed
	OA          map[string]float64 `json:"oa"`
}

const (
	modelNetCSource = "Ren, Pan, Liu: Benchmarking and Analyzing Point Cloud Classification " +
		"under Corruptions, ICML 2022"
	scanObjectNNCSource = "Wang et al.: Sample-adaptive Augmentation for Point Cloud Recognition " +
		"Against Real-world Corruptions, ICCV 2023"
)

// sevenCorruptions are the corruptions of ModelNet-C, in the order of its evaluation. Other data sets were made with
// the same corruptions.
var sevenCorruptions = []string{
	"scale", "jitter", "rotate", "dropout_global", "dropout_local", "add_global", "add_local",
}

// seven returns accuracies under sevenCorruptions by name.
func seven(oa ...float64) map[string]float64 {
	m := make(map[string]float64, len(sevenCorruptions))
	for i, name := range sevenCorruptions {
		m[name] = oa[i]
	}
	return m
}

// imageCorruptions are the fifteen of ImageNet-C, in the order of the publication, and alexNetErrors AlexNet's errors under
// them, means over five severities, as its evaluation has them. Clean images: 43.48 % error.
var (
	imageCorruptions = []string{
		"gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur", "motion_blur", "zoom_blur",
		"snow", "frost", "fog", "brightness", "contrast", "elastic_transform", "pixelate", "jpeg_compression",
	}
	alexNetErrors = []float64{
		0.886428, 0.894468, 0.922640, 0.819880, 0.826268, 0.785948, 0.798360,
		0.866816, 0.826572, 0.819324, 0.564592, 0.853204, 0.646056, 0.717840, 0.606500,
	}
)

func alexNet() map[string]float64 {
	m := make(map[string]float64, len(imageCorruptions))
	for i, name := range imageCorruptions {
		m[name] = 1 - alexNetErrors[i]
	}
	return m
}

// published are the tables in the literature. The one whose ID is the name of a suite is the suite's default.
//
// ScanObjectNN-C has two, which its repository (github.com/Roywangj/AdaptPoint) uses side by side: three decimals and
// rounding in stages where a model is evaluated, five decimals and rounding at the end in mCE_calculator.py, which
// also has ModelNet-C. Figures of one are not comparable with figures of the other.
var published = []Reference{{
	ID: "modelnet-c", Name: "DGCNN on ModelNet-C", Title: "ModelNet-C", Suite: "modelnet-c", Source: modelNetCSource,
	Clean: 0.926, Corruptions: sevenCorruptions, OA: seven(0.906, 0.684, 0.785, 0.752, 0.793, 0.705, 0.725),
}, {
	ID: "modelnet-c-offline", Name: "DGCNN on ModelNet-C, rounded at the end", Title: "ModelNet-C", Suite: "modelnet-c",
	Source: scanObjectNNCSource, Rounding: RoundEnd,
	Clean: 0.926, Corruptions: sevenCorruptions, OA: seven(0.906, 0.684, 0.785, 0.752, 0.793, 0.705, 0.725),
}, {
	ID: "scanobjectnn-c", Name: "DGCNN on ScanObjectNN-C", Title: "ScanObjectNN-C", Suite: "modelnet-c",
	Source: scanObjectNNCSource,
	Clean:  0.858, Corruptions: sevenCorruptions, OA: seven(0.578, 0.456, 0.733, 0.622, 0.697, 0.540, 0.773),
}, {
	ID: "scanobjectnn-c-offline", Name: "DGCNN on ScanObjectNN-C, rounded at the end", Title: "ScanObjectNN-C",
	Suite: "modelnet-c", Source: scanObjectNNCSource, Rounding: RoundEnd,
	Clean: 0.8581, Corruptions: sevenCorruptions, OA: seven(0.57752, 0.45579, 0.7331, 0.62151, 0.69688, 0.53956, 0.77294),
}, {
	ID: "omniobject3d-c", Name: "DGCNN on OmniObject3D-C", Title: "OmniObject3D-C", Suite: "modelnet-c",
	Source: "github.com/jiawei-ren/ModelNet-C, oo3dc_utils/eval.py",
	Clean:  0.448, Corruptions: sevenCorruptions, OA: seven(0.415, 0.284, 0.341, 0.326, 0.319, 0.328, 0.279),
}, {
	ID: "imagenet-c-15", Name: "AlexNet on ImageNet-C", Title: "ImageNet-C", Suite: "imagenet-c-15",
	Source:   "Hendrycks, Dietterich: Benchmarking Neural Network Robustness to Common Corruptions and Perturbations, ICLR 2019",
	Rounding: RoundEnd, Clean: 0.5652, Corruptions: imageCorruptions, OA: alexNet(),
}}

var references = registry.New[Reference]("reference")

func init() {
	for _, r := range published {
		registerReference(r)
	}
}

// registerReference adds a published reference. It is called by init functions.
func registerReference(r Reference) {
	if r.Name == "" || r.Title == "" || r.Source == "" || len(r.OA) != len(r.Corruptions) {
		panic("metric: reference is incomplete")
	}
	references.Register(r.ID, r)
}

// DefaultReference returns the reference of a corruption suite that is used if none is named; false if the suite has
// none.
func DefaultReference(suite string) (Reference, bool) {
	r, err := references.Lookup(suite)
	return r, err == nil && r.Suite == suite
}

// LookupReference returns the reference of an ID, or a [*registry.UnknownError].
func LookupReference(id string) (Reference, error) { return references.Lookup(id) }

// References returns all references, sorted by ID.
func References() []Reference { return references.All() }
