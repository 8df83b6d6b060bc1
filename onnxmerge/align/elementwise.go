package align

// Operators that treat all elements alike. Softmax and the like join the elements of an axis, but in no order.
func init() {
	register(elementwise, "Add", "Sub", "Mul", "Div", "Pow", "Mod", "Max", "Min", "Mean", "Sum", "Equal", "Less",
		"LessOrEqual", "Greater", "GreaterOrEqual", "And", "Or", "Xor", "Where", "PRelu", "BitShift", "BitwiseAnd",
		"BitwiseOr", "BitwiseXor", "com.microsoft.BiasGelu", "com.microsoft.FastGelu")
	register(unary, "Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "BitwiseNot", "Cast", "CastLike", "Ceil",
		"Celu", "Clip", "Cos", "Cosh", "Dropout", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid", "HardSwish",
		"Hardmax", "Identity", "IsInf", "IsNaN", "LeakyRelu", "Log", "LogSoftmax", "LpNormalization", "Mish", "Neg", "Not",
		"Reciprocal", "Relu", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Softmax", "Softplus",
		"Softsign", "Sqrt", "Swish", "Tan", "Tanh", "ThresholdedRelu", "com.microsoft.Gelu", "com.microsoft.QuickGelu")
}

func elementwise(c *call) []*value {
	var operands [][]int
	for i := range c.in {
		x := c.operand(i)
		if x == nil {
			return c.unranked()
		}
		operands = append(operands, x.axes)
	}
	return []*value{of(c.broadcast(operands...)...)}
}

// unary passes the axes of the first operand on; the others are single numbers.
func unary(c *call) []*value {
	x := c.operand(0)
	if x == nil {
		if c.has(0) && c.in[0].items != nil {
			return []*value{c.in[0]}
		}
		return c.unranked()
	}
	return []*value{same(x), same(x)}
}
