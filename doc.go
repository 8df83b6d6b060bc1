// Package wiseft merges fine-tuned ONNX models with their pre-trained ones, and measures what that brings
// (WiSE-FT-LP: weight-space ensembles for fine-tuning, then linear probing; Zhang et al. 2024, arXiv:2404.16422).
//
// It is what the command wiseft calls, one function a command, for Go programs. There are four jobs:
//
//   - Merge models: [Merge], planned by [PlanMerge], compared by [Diff], checked by [Verify], chosen among several by
//     [Soup]; as a document by [ReadRecipe], or by [ExtractRecipe] from a merged model.
//   - Extract features of a data set: [ExtractFeatures], or [WriteFeatures] into a file.
//   - Train a linear probe on features: [Fit], [Score], and [Attach], which makes it the head of a model; the protocols
//     [KFold], [FewShot] and [SVM].
//   - Benchmark under corruption: [Bench] for models as they are, [Sweep] over merges, with results in a folder
//     ([Collect], [Compare], [Report], [ReadResult], [WriteRun]).
//
// Around them, [Inspect] describes a model, [DescribeData] a data set, [Diagnose] what models can run on, and [Corrupt]
// writes corrupted data.
//
// The convention everywhere is theta(alpha) = (1 - alpha) * PRETRAINED + alpha * FINETUNED. Severity runs from 1 to 5.
//
// # Files, options, errors
//
// Models, features, probes and data are named by paths. An output appears under its name when it is complete, never
// replaces an input, and replaces another file only with Force (Replace for the folder of a run; [WriteRun] always
// replaces). Options are structs whose zero values are the defaults; which fields are required, such as data, is said.
// Every error has a kind ([KindOf]): the exit code of the command. Long calls end with the context's error when it is
// done, and report to a [Monitor].
//
// Models run in onnxruntime, a shared library that is searched on the machine and else installed once into the user's
// cache folder; [RuntimeOptions] chooses another, or forbids the installation. All else works without it. It is called
// with cgo where there is a C compiler, and else without; WISEFT_ORT_BINDING chooses.
//
// # Packages below
//
// This package joins two halves that do not import each other. Package onnxmerge changes ONNX files; package probe runs
// them and learns from what they compute; package datasets reads and corrupts data. A program registers its own merge
// method with method.Register, its own corruption with corrupt.Register, its own data format with datasets.Register.
package wiseft
