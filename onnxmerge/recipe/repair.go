package recipe

import (
	"strconv"

	"github.com/wiseft/wiseft/onnxmerge"
	"go.yaml.in/yaml/v3"
)

// Repair says that running statistics are measured after the merge, and on what. Batch and Runtime of the data are not
// part of a recipe.
type Repair struct {
	Mode string // auto, affine, scale or reset; "" is auto
	Data onnxmerge.RepairData
}

// fields returns the keys of a repair, in the order in which they are written.
func (r *Repair) fields() (texts []textField, numbers []numberField) {
	d := &r.Data
	return []textField{{"data", &d.File}, {"mode", &r.Mode}, {"split", &d.Split}, {"format", &d.Format},
			{"sample", &d.Sample}, {"normalize", &d.Normalize}, {"axes", &d.Axes}, {"layout", &d.Layout}},
		[]numberField{{"samples", &d.Drawn}, {"points", &d.Points}, {"resize", &d.Resize}, {"crop", &d.Crop}}
}

type textField struct {
	key string
	dst *string
}

type numberField struct {
	key string
	dst *int
}

// readRepair reads the key repair; nil if the document does not have it.
func readRepair(top *object) (*Repair, error) {
	n := top.nodes["repair"]
	if n == nil {
		return nil, nil
	}
	o, err := mapping(n)
	if err != nil {
		return nil, err
	}
	r := &Repair{}
	texts, numbers := r.fields()
	known := []string{"seed", "drop_nan"}
	for _, f := range texts {
		known = append(known, f.key)
		if *f.dst, err = o.text(f.key); err != nil {
			return nil, err
		}
	}
	for _, f := range numbers {
		known = append(known, f.key)
		v, err := o.whole(f.key)
		if err != nil {
			return nil, err
		}
		*f.dst = int(v)
	}
	if r.Data.Seed, err = o.whole("seed"); err != nil {
		return nil, err
	}
	if r.Data.DropNaN, err = o.bool("drop_nan"); err != nil {
		return nil, err
	}
	if r.Data.File == "" {
		return nil, errAt(n, "repair needs data, the file or folder of unlabelled samples")
	}
	return r, o.only("repair", known...)
}

// whole reads a number of at most 31 bits for sizes, and of 64 for seeds; 0 if the key is absent.
func (o *object) whole(key string) (uint64, error) {
	n := o.nodes[key]
	if n == nil {
		return 0, nil
	}
	bits := 31
	if key == "seed" {
		bits = 64
	}
	v, err := strconv.ParseUint(n.Value, 10, bits)
	if n.Kind != yaml.ScalarNode || err != nil {
		return 0, errAt(n, "%s is %s, where a whole number is expected", key, describe(n))
	}
	return v, nil
}

// putRepair writes the key repair.
func putRepair(top *yaml.Node, r *Repair) {
	if r == nil {
		return
	}
	n := &yaml.Node{Kind: yaml.MappingNode}
	texts, numbers := r.fields()
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
	if r.Data.DropNaN {
		put(n, "drop_nan", true)
	}
	if r.Data.Seed != 0 {
		put(n, "seed", r.Data.Seed)
	}
	put(top, "repair", n)
}
