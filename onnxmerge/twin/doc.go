// Package twin finds values of two graphs that must be equal if the weights of the two models are.
//
// The models are two exports of one network, whose weights are paired. [Find] assigns a class to every value of both
// main graphs, by value numbering: a paired weight, an input and a small constant have the class of their counterpart,
// and the result of an operator has the class of the operator, its attributes and its operands' classes. Two values of
// one class are a [Point].
//
// Exporters write one network in several ways, which ends value numbering at the first difference. So values are also
// given one class where paired weights show that they correspond (anchors):
//
//   - what two operators of one kind take beside a pair of weights;
//   - the results of two linear operators, behind the bias, the scale and the BatchNormalization that follow each.
//
// A point behind an anchor that may be wrong is not [Point.Sure].
package twin
