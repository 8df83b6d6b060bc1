// Package onnx reads ONNX files and writes them again with some payloads replaced.
//
// [Open] walks the file's protobuf fields without decoding the payloads: a model of any size costs memory for its
// structure only. [Model.Write] and [Model.Rewrite] copy the file with new bytes for chosen tensors, everything else
// untouched; [Model.WriteChanged] also removes and adds operators. What the operators mean is the subject of package
// flow; features, heads and classifiers that of package surgery.
//
// Limits: nesting of sub-graphs 32, names 64 KiB, and protobuf's own. A Model is read-only and safe for concurrent
// use after Open.
//
// # Spans instead of Unmarshal
//
// Package wire yields the fields of a protobuf message as offsets. A rewrite copies every byte of the file but the
// payloads that it replaces, so opsets, custom operators, metadata and unknown fields survive, and an identity rewrite
// gives the file itself. Decoding with generated types and encoding again gives other bytes for most real files.
//
// # Tensors
//
// A [Tensor] is a payload and the fields around it. Wherever it sits (initializers, Constant nodes in all their forms,
// bodies of If, Loop and Scan, functions, sparse initializers, data files) and however it is stored,
// [Tensor.ReadAt] gives row-major little-endian bytes, and its ID is the path of names that leads to it. What is
// stored in place is replaced in place; varints, which have no fixed length, become raw_data when they are replaced.
//
// # Data files
//
// They are opened through os.Root below the model's folder. "..", absolute paths, links that leave the folder and
// ranges that overlap are refused. By default a rewrite keeps the layout of the file, data file by data file and
// offset by offset, and uses data files beyond protobuf's 2 GiB. Models are hashed with SHA-256; data files with
// XXH3-128, because of what was measured on two cores: merging 2 GiB pairs takes 2.1 core-seconds without hashes and
// may take 2.7, and hashing the 6 GiB takes 3.4 with SHA-256 (1.9 GB/s), 1.3 to 2 with BLAKE3, 0.2 with XXH3 (29
// GB/s). XXH3 detects accidents; it does not stop an attacker.
package onnx
