// Package onnxmerge merges the weights of ONNX models.
//
// [NewPlan] decides for every tensor of the fine-tuned model whether it is merged, copied or refused, and why, before
// anything is written. [Write] executes the plan: the fine-tuned file byte for byte, with the payloads of the merged
// tensors replaced. [Verify] compares a model with what a plan would write, and [Diff] measures how far apart the paired
// weights are. The convention everywhere is
//
//	theta(alpha) = (1 - alpha) * PRETRAINED + alpha * FINETUNED
package onnxmerge
