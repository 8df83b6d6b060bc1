package shapes

import "github.com/wiseft/wiseft/internal/registry"

// class is a kind of object, with a random construction.
type class struct {
	name string
	// build makes one object of any size that stands on the plane y = 0 and faces +z.
	build func(r *source) mesh
}

var classes = registry.New[class]("shape class")

func register(c class) { classes.Register(c.name, c) }

// Names returns the names of all classes, sorted.
func Names() []string { return classes.Names() }

// Indoor returns the names of the ten classes of indoor objects, sorted. The demo's model is pre-trained on all
// classes and fine-tuned on these.
func Indoor() []string {
	return []string{"bathtub", "bed", "bookshelf", "chair", "desk", "lamp", "monitor", "sofa", "stool", "table"}
}
