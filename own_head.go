package wiseft

import (
	"context"
	"fmt"

	"github.com/wiseft/wiseft/onnxmerge/onnx/surgery"
)

// addHead lets the variants of a sweep compute the class scores of their own head beside the features, if the head has
// the classes of the training data.
func (o MeasureOptions) addHead(ctx context.Context, v *mergeVariant, tensor string) error {
	if o.OwnHead {
		return nil
	}
	cut, heads, err := surgery.CutBoth(v.last.Model, tensor)
	if err != nil || heads == 0 {
		return err
	}
	classes, err := o.Train.asSplit("train").classes(ctx)
	if err != nil {
		return err
	}
	if classes != heads {
		o.Monitor.note(fmt.Sprintf("the model's own head has %d classes, and the training data %d: it is not scored",
			heads, classes))
		return nil
	}
	v.cut, v.classes = cut, heads
	return nil
}
