package onnxmerge

import (
	"fmt"

	"github.com/wiseft/wiseft/internal/text"
)

// Aligned records how the units of one model were brought into the order of the last model's before the merge; package
// onnxmerge/align has the rules.
type Aligned struct {
	Model string `json:"model"` // file, without folders
	By    string `json:"by"`    // weights or activations
	// Groups are the groups of units that are permuted or could be, in the order of the file.
	Groups []AlignedGroup `json:"groups"`
	// Frozen are units that keep their order although a weight has them, each with the reason.
	Frozen []string `json:"frozen,omitempty"`
	// Uncompared are weights that were permuted with their units without a counterpart that says where these belong.
	Uncompared []string `json:"uncompared,omitempty"`
	// Difference is the largest relative change of the model's outputs when all groups are permuted at random.
	Difference float64 `json:"check_difference"`
	Samples    int     `json:"samples,omitempty"`     // on which activations were compared
	Hash       string  `json:"data_sha256,omitempty"` // of these samples
}

// AlignedGroup is a set of units that are permuted together.
type AlignedGroup struct {
	Tensor string `json:"tensor"` // the first one that has the units
	Axis   int    `json:"axis"`   // of the tensor
	Offset int    `json:"offset,omitempty"`
	Stride int    `json:"stride"`
	Units  int    `json:"units"`
	Moved  int    `json:"moved"`
	// Before and After are the cosines of the weights that have the units and their counterparts.
	Before float64 `json:"cosine_before"`
	After  float64 `json:"cosine_after"`
	// Order has, for each place, the unit that goes there: little-endian uint32, in base64; "" if none moves.
	Order []byte `json:"order,omitempty"`
}

// Moved returns how many units change their place, of how many.
func (a *Aligned) Moved() (moved, units int) {
	for _, g := range a.Groups {
		moved, units = moved+g.Moved, units+g.Units
	}
	return moved, units
}

// String describes the alignment in a line, and names frozen units in further ones.
func (a *Aligned) String() string {
	moved, units := a.Moved()
	line := fmt.Sprintf("align: %s: %d of %d units in %s move by %s; with all of them permuted at random its outputs change by %.1e",
		a.Model, moved, units, text.Count(len(a.Groups), "group"), a.By, a.Difference)
	if moved == 0 {
		line = fmt.Sprintf("align: %s: none of %d units in %s moves: the models have one order (compared by %s)", a.Model, units,
			text.Count(len(a.Groups), "group"), a.By)
	}
	if n := len(a.Uncompared); n > 0 {
		line += fmt.Sprintf("\n  %s without a counterpart of its shape, not compared: %s", text.Count(n, "weight"),
			shortList(a.Uncompared))
	}
	for i, frozen := range a.Frozen {
		if i == maxFrozenLines {
			return line + fmt.Sprintf("\n  and %d more that keep their order", len(a.Frozen)-i)
		}
		line += "\n  keep their order: " + frozen
	}
	return line
}

// maxFrozenLines is how many lines about frozen units the text has.
const maxFrozenLines = 3
