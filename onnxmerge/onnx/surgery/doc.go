// Package surgery changes what an ONNX model computes: it exposes an inner value as the only output ([Expose], and [Cut]
// for many models with one graph), attaches a head, finds and replaces the classifier. It also decides which value of a
// model is its features ([Features]) and which are its class scores ([Scores]).
//
// What the wanted values do not depend on is removed, operators and weights alike: runtimes compute all that a model
// has, wanted or not (measured with onnxruntime 1.23: 4.17 ms a batch with the head, 4.04 without).
package surgery
