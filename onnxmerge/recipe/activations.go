package recipe

import (
	"reflect"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge"
	"go.yaml.in/yaml/v3"
)

// Repair says that activations are measured after the merge, and on what. Batch and Runtime of the data are not part of a
// recipe.
type Repair struct {
	Mode string // auto, affine, scale or reset; "" is auto
	Data onnxmerge.Drawn
}

// Align says that units of the other models are brought into the order of the last one's before the merge.
type Align struct {
	By    string          // weights or activations
	Draws int             // of samples; 0 is one
	Data  onnxmerge.Drawn // on which activations are compared; its File is "" for weights
}

// activations is what a key of a recipe says about activations: on which samples they are measured, and what for.
type activations struct {
	key     string
	data    *onnxmerge.Drawn
	texts   []textField // the file of the data among them
	numbers []numberField
}

type textField struct {
	key string
	dst *string
}

type listField struct {
	key string
	dst *[]string
}

type numberField struct {
	key string
	dst *int
}

func (r *Repair) activations() activations {
	return activations{key: "repair", data: &r.Data, texts: []textField{{"data", &r.Data.File}, {"mode", &r.Mode}}}
}

func (a *Align) activations() activations {
	return activations{key: "align", data: &a.Data, texts: []textField{{"by", &a.By}, {"data", &a.Data.File}},
		numbers: []numberField{{"draws", &a.Draws}}}
}

// lists returns the keys of lists of texts.
func (a activations) lists() []listField {
	return []listField{{"inputs", &a.data.Inputs}, {"constants", &a.data.Constants}}
}

// fields returns the keys, in the order in which they are written.
func (a activations) fields() (texts []textField, numbers []numberField) {
	d := a.data
	return slices.Concat(a.texts, []textField{{"split", &d.Split}, {"format", &d.Format},
			{"sample", &d.Sample}, {"normalize", &d.Normalize}, {"axes", &d.Axes}, {"pad", &d.Pad}, {"interpolation", &d.Interpolation}, {"input", &d.Input},
			{"layout", &d.Layout}}),
		slices.Concat(a.numbers, []numberField{{"samples", &d.Count}, {"points", &d.Points}, {"resize", &d.Resize},
			{"crop", &d.Crop}})
}

// read reads the mapping of a key.
func (a activations) read(n *yaml.Node) error {
	o, err := mapping(n)
	if err != nil {
		return err
	}
	texts, numbers := a.fields()
	known := []string{"seed", "drop_nan", "exif"}
	for _, f := range texts {
		known = append(known, f.key)
		if *f.dst, err = o.text(f.key); err != nil {
			return err
		}
	}
	for _, f := range a.lists() {
		known = append(known, f.key)
		if *f.dst, err = o.texts(f.key); err != nil {
			return err
		}
	}
	for _, f := range numbers {
		known = append(known, f.key)
		v, err := o.whole(f.key)
		if err != nil {
			return err
		}
		*f.dst = int(v)
	}
	if a.data.Seed, err = o.whole("seed"); err != nil {
		return err
	}
	if a.data.DropNaN, err = o.bool("drop_nan"); err != nil {
		return err
	}
	if a.data.EXIF, err = o.bool("exif"); err != nil {
		return err
	}
	return o.only(a.key, known...)
}

// put writes the key.
func (a activations) put(top *yaml.Node) {
	n := &yaml.Node{Kind: yaml.MappingNode}
	texts, numbers := a.fields()
	for _, f := range texts {
		if *f.dst != "" {
			put(n, f.key, *f.dst)
		}
	}
	for _, f := range numbers {
		if *f.dst != 0 {
			put(n, f.key, *f.dst)
		}
	}
	for _, f := range a.lists() {
		if len(*f.dst) > 0 {
			put(n, f.key, *f.dst)
		}
	}
	if a.data.DropNaN {
		put(n, "drop_nan", true)
	}
	if a.data.EXIF {
		put(n, "exif", true)
	}
	if a.data.Seed != 0 {
		put(n, "seed", a.data.Seed)
	}
	put(top, a.key, n)
}

// readActivations reads the keys align and repair.
func (r *Recipe) readActivations(top *object) error {
	if n := top.nodes["repair"]; n != nil {
		r.Repair = &Repair{}
		if err := r.Repair.activations().read(n); err != nil {
			return err
		}
		if r.Repair.Data.File == "" {
			return errAt(n, "repair needs data, the file or folder of unlabelled samples")
		}
	}
	n := top.nodes["align"]
	if n == nil {
		return nil
	}
	r.Align = &Align{}
	if err := r.Align.activations().read(n); err != nil {
		return err
	}
	switch a := r.Align; {
	case a.By == "activations" && a.Data.File == "":
		return errAt(n, "align by activations needs data, the file or folder of unlabelled samples")
	case a.By != "weights" && a.By != "activations":
		return errAt(n, "align is by weights or by activations: by is %q", a.By)
	case a.By == "weights" && (a.Draws != 0 || !reflect.DeepEqual(a.Data, onnxmerge.Drawn{Seed: a.Data.Seed})):
		return errAt(n, "align by weights has no use for data; only by and seed are its keys")
	}
	return nil
}
