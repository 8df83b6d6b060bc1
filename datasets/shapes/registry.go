package shapes

import (
	"maps"
	"slices"
)

// class is a kind of object: a name and a random construction.
type class struct {
	name string
	// build makes one object, standing on y = 0 and facing +z, of any size.
	build func(r *source) mesh
}

var classes = map[string]class{}

func register(c class) {
	if c.name == "" || c.build == nil {
		panic("shapes: half-filled class")
	}
	if _, ok := classes[c.name]; ok {
		panic("shapes: class registered twice")
	}
	classes[c.name] = c
}

// Names returns the names of all classes, sorted.
func Names() []string { return slices.Sorted(maps.Keys(classes)) }

// Indoor returns the ten classes that stand in rooms, sorted: the target of the
// demo's fine-tuning, while the pre-training sees all.
func Indoor() []string {
	return []string{"bathtub", "bed", "bookshelf", "chair", "desk", "lamp", "monitor", "sofa", "stool", "table"}
}
