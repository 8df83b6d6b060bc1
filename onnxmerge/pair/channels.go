package pair

import "slices"

// channels follows the result of a linear operator through operators that leave its elements as they are, and knows
// which axis counts its channels.
type channels struct {
	at      *value
	n       int64 // channels
	fromEnd int   // the channels' axis, 1 for the last one
	axes    int   // of the result; 0 if the number is not known
	isMoved bool  // axes were exchanged
}

// channels returns the result of the linear operator with weight w: a convolution's channels are the first axis behind
// the batch, MatMul's the last. nil if that axis is not known.
func (o *op) channels(w *use) *channels {
	axis, ok := channelAxis(o, w.permuted)
	if !ok {
		return nil
	}
	c := &channels{at: o.out, n: w.shape[axis], fromEnd: 1}
	if o.name != "MatMul" {
		c.axes = len(w.shape)
		c.fromEnd = c.axes - 1
	}
	return c
}

// next returns the single operator that consumes the value behind operators that exchange axes or change the type, and
// goes on to its result; nil if there is none, or another operator between.
func (c *channels) next() *op {
	for range maxBetween {
		o := c.at.only()
		if o == nil {
			return nil
		}
		c.at = o.out
		switch {
		case o.name == "Cast", o.name == "CastLike":
		case o.name == "Transpose":
			if !c.transpose(o.node.Ints["perm"]) {
				return nil
			}
		default:
			return o
		}
	}
	return nil
}

// transpose follows the channels' axis; it returns false if that is not known afterwards.
func (c *channels) transpose(perm []int64) bool {
	n := len(perm)
	if n == 0 || c.axes != 0 && n != c.axes || c.fromEnd > n {
		return false
	}
	to := slices.Index(perm, int64(n-c.fromEnd))
	c.axes, c.fromEnd, c.isMoved = n, n-to, true
	return to >= 0
}

// skipShift goes on behind an operator that adds one stored number per channel, and returns their use; nil if there is
// none.
func (c *channels) skipShift() *use {
	then := *c
	if o := then.next(); o != nil && then.isShift(o) {
		*c = then
		return o.uses[0]
	}
	return nil
}

// tail returns the names of the operators in a row that scale or shift by stored or computed numbers.
func (c channels) tail() (names []string) {
	for o := c.next(); o != nil && o.isAffine(); o = c.next() {
		names = append(names, o.name)
	}
	return names
}

// isAffine reports whether the operator scales or shifts its only operand that depends on an input of the model.
func (o *op) isAffine() bool {
	switch o.name {
	case batchNorm:
		return true
	case "Add", "Sub", "Mul", "Div":
		return !o.bounded && o.dynamic() != nil
	}
	return false
}

// isShift reports whether the operator adds one stored number per channel.
func (c *channels) isShift(o *op) bool {
	return o.name == "Add" && len(o.ins) == 1 && len(o.uses) == 1 && len(o.ones) == 0 && c.isPerChannel(o.uses[0])
}

// isPerChannel reports whether a vector has an element for each channel.
func (c *channels) isPerChannel(u *use) bool {
	if u.tensor.Len() != c.n || !IsVector(u.shape) {
		return false
	}
	at := len(u.shape) - c.fromEnd
	return c.n == 1 || at >= 0 && u.shape[at] == c.n
}
