package onnxmerge

import (
	"fmt"
	"math"

	"github.com/wiseft/wiseft/internal/text"
)

// Aligned records how the units of one model were brought into the order of another before the merge: of the last
// model, or, for fine-tunes of a base, of the aligned base. Package onnxmerge/align has the rules.
type Aligned struct {
	Model string `json:"model"` // file, without folders
	To    string `json:"to"`    // the file in whose order it is
	By    string `json:"by"`    // weights or activations
	// Groups are the groups of units that are permuted or could be, in the order of the file.
	Groups []AlignedGroup `json:"groups"`
	// Frozen are units that keep their order although a weight has them, each with the reason.
	Frozen []string `json:"frozen,omitempty"`
	// Uncompared are weights that were permuted with their units without a counterpart that says where these belong.
	Uncompared []string `json:"uncompared,omitempty"`
	// Difference is the largest relative change of the model's outputs when all groups are permuted at random.
	Difference float64 `json:"check_difference"`
	Seed       uint64  `json:"seed,omitempty"`        // of the draw, the self-check and the orders in which groups are matched
	Samples    int     `json:"samples,omitempty"`     // on which activations were compared
	Hash       string  `json:"data_sha256,omitempty"` // of these samples; of several draws, those of the first
	Data       *Drawn  `json:"data,omitempty"`        // the samples of the first draw
	// Draws are the draws of samples of which one gave the order; nil if there was one alone.
	Draws []AlignedDraw `json:"draws,omitempty"`
}

// AlignedDraw is the order that one draw of samples gives.
type AlignedDraw struct {
	Seed  uint64 `json:"seed"`
	Moved int    `json:"moved"` // units
	// Likeness is the mean correlation of paired units on the samples of all draws.
	Likeness float64 `json:"likeness"`
	Taken    bool    `json:"taken,omitempty"`
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
	line += describeDraws(a.Draws)
	for i, frozen := range a.Frozen {
		if i == maxFrozenLines {
			return line + fmt.Sprintf("\n  and %d more that keep their order", len(a.Frozen)-i)
		}
		line += "\n  keep their order: " + frozen
	}
	return line
}

// describeDraws says how far the orders of several draws are apart; "" without any.
func describeDraws(draws []AlignedDraw) string {
	if draws == nil {
		return ""
	}
	least, most, taken := draws[0], draws[0], draws[0]
	mean, squares := 0., 0.
	for i, d := range draws {
		if d.Likeness < least.Likeness {
			least = d
		}
		if d.Likeness > most.Likeness {
			most = d
		}
		if d.Taken {
			taken = d
		}
		off := d.Likeness - mean
		mean += off / float64(i+1)
		squares += off * (d.Likeness - mean)
	}
	deviation := math.Sqrt(squares / float64(max(len(draws)-1, 1)))
	return fmt.Sprintf("\n  %d draws of samples: the correlation of paired units is %.4f to %.4f (mean %.4f, deviation %.4f); "+
		"the order of seed %d is taken", len(draws), least.Likeness, most.Likeness, mean, deviation, taken.Seed)
}

// maxFrozenLines is how many lines about frozen units the text has.
const maxFrozenLines = 3
