package datasets

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/wiseft/wiseft/datasets/typed"
)

// Padding says how samples whose arrays have different lengths share a batch: each array is filled up with Value to
// the longest of the batch, along the axes for which the model declares no length.
type Padding struct {
	Value float64 `json:"value"`
	// Mask is the input that is 1 at the values of a sample and 0 at what was added, or the other way round with ! in
	// front, as key-padding masks have it; "" if the model has none.
	Mask string `json:"mask,omitempty"`
}

// ParsePadding reads VALUE or VALUE:MASK. ok is false for other text.
func ParsePadding(text string) (p Padding, ok bool) {
	value, mask, named := strings.Cut(text, ":")
	number, err := strconv.ParseFloat(value, 64)
	return Padding{number, mask}, err == nil && !math.IsNaN(number) && !math.IsInf(number, 0) && named == (mask != "")
}

// MaskInput returns the name of the mask's input, and whether the mask is 0 at the values of a sample; "" if there is
// none.
func (p Padding) MaskInput() (input string, inverted bool) { return strings.CutPrefix(p.Mask, "!") }

func (p Padding) String() string {
	if p.Mask == "" {
		return fmt.Sprintf("arrays are filled up with %v to the longest of a batch", p.Value)
	}
	return fmt.Sprintf("arrays are filled up with %v to the longest of a batch, marked by %s", p.Value, p.Mask)
}

// WithPadding returns ds with samples that are padded in batches. If no array of ds feeds the padding's mask, every
// sample gets one, an int64 for each position along the first axis of its first array. ds must stay open; closing the
// result does not close it.
func WithPadding(ds Dataset, p Padding) Dataset {
	input, inverted := p.MaskInput()
	fed := slices.ContainsFunc(ds.Info().Inputs, func(in InputArray) bool { return in.Input == input })
	d := &paddedData{Dataset: ds, padding: p, makeMask: input != "" && !fed}
	if !inverted {
		d.kept = 1
	}
	return d
}

type paddedData struct {
	Dataset
	padding  Padding
	makeMask bool
	kept     uint64 // the mask at the values of a sample
}

func (d *paddedData) Info() Info {
	info := d.Dataset.Info()
	info.Padding = &d.padding
	info.History = append(slices.Clip(info.History), d.padding.String())
	if input, _ := d.padding.MaskInput(); d.makeMask {
		info.Inputs = append(slices.Clip(info.Inputs), InputArray{Input: input, Array: input})
	}
	return info
}

func (d *paddedData) Read(ctx context.Context, dst *Sample, i int) error {
	if err := d.Dataset.Read(ctx, dst, i); err != nil || !d.makeMask {
		return err
	}
	if len(dst.Arrays) == 0 || len(dst.Arrays[0].Shape) == 0 {
		return fmt.Errorf("%s: sample %d has no axis whose length a mask could tell", d.Info().Name, i)
	}
	mask := typed.Array{Type: typed.Int64, Shape: slices.Clone(dst.Arrays[0].Shape[:1])}
	for range mask.Shape[0] {
		mask.Data = binary.LittleEndian.AppendUint64(mask.Data, d.kept)
	}
	dst.Arrays = append(dst.Arrays, mask)
	return nil
}

func (d *paddedData) Hash(ctx context.Context) (string, error) {
	return DerivedHash(ctx, d.Dataset, d.padding.String())
}

func (d *paddedData) Close() error { return nil }
