// Package checkpoint reads the tensors of safetensors files and of PyTorch checkpoints, and writes safetensors files.
//
// [Open] recognises the format by the contents, reads the names, types and shapes, and checks them against the size of
// the file. Payloads are read when they are asked for, so that memory grows with the number of tensors, not with what a
// length claims. A Checkpoint is read-only and safe for concurrent use.
//
// # safetensors
//
// A file begins with the length of its header (8 bytes, little-endian, at most 100 MB), followed by the header: a JSON
// object that gives for each tensor dtype, shape and the range of its bytes, counted from the end of the header. The
// ranges must follow each other without holes and overlaps, fill the file, and have the size of their tensors. Names
// must be unique. A checkpoint of several files is read by its index (model.safetensors.index.json); see [OpenIndex].
//
// # PyTorch
//
// torch.save of PyTorch 1.6 and later writes a zip archive: NAME/data.pkl is a pickle of the objects, NAME/data/K are
// the bytes of storage K, uncompressed. The pickle is interpreted and never run: dictionaries, lists, tuples, text,
// numbers, tensors, and a list of classes that only hold data ([inert] in the source). Any other function or class is
// an error that names it. Tensors may share storages and have any strides. Refused, each with the line that converts
// it: files of older versions, TorchScript archives, pickled modules, quantised and sparse tensors.
//
// A checkpoint often has more than the weights. The dictionary of the weights is found and named in Checkpoint.Within;
// what is passed over is in Checkpoint.Skipped.
package checkpoint
