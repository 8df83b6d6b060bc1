package bench

import (
	"fmt"

	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/metric"
)

// seenNote is a note about validation data on which the fine-tuned model is far better than on test data.
const seenNote = "%s: validation accuracy of the fine-tuned model is %+.1f points from test accuracy, that of the " +
	"pre-trained model %+.1f: a sign that fine-tuning has seen this data; what is chosen on it is biased towards alpha 1"

// noteSeen notes validation sets that the fine-tuned model seems to have seen. It compares the mixes with alpha 0 and
// 1.
func (b *builder) noteSeen() error {
	first, second := b.end(0), b.end(1)
	if first < 0 || second < 0 {
		return nil
	}
	test := unit.View{Role: unit.OnTest}
	firstTest, err := b.right(first, test)
	if err != nil {
		return err
	}
	secondTest, err := b.right(second, test)
	if err != nil {
		return err
	}
	for i, set := range b.spec.Vals {
		w := unit.View{Role: unit.Validation, Set: i}
		firstVal, err := b.right(first, w)
		if err != nil {
			return err
		}
		secondVal, err := b.right(second, w)
		if err != nil {
			return err
		}
		if s := metric.Seen(firstVal, secondVal, firstTest, secondTest); s.Found() {
			b.note(fmt.Sprintf(seenNote, set.Name, 100*s.After, 100*s.Before))
		}
	}
	return nil
}

// end returns the index of the variant whose only parameter is this alpha; -1 without one.
func (b *builder) end(alpha float64) int {
	for v, variant := range b.spec.Models() {
		if variant.OnPath() && variant.Params[0].Value == alpha {
			return v
		}
	}
	return -1
}

// right returns which samples of w a variant classifies correctly.
func (b *builder) right(v int, w unit.View) ([]bool, error) {
	p, err := b.scores(v, w)
	if err != nil {
		return nil, err
	}
	return metric.Right(p.Class, p.Y), nil
}
