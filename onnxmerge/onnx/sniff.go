package onnx

import (
	"encoding/binary"
	"io"
	"strings"
)

// sniff recognises other formats that are mistaken for ONNX by their first bytes, in order to name them in the error.
func sniff(r io.ReaderAt, size int64) error {
	head := make([]byte, min(size, 512))
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return err
	}
	has := func(off int, magic string) bool {
		return len(head) >= off+len(magic) && string(head[off:off+len(magic)]) == magic
	}
	if kind := checkpointKind(head, size); kind != "" {
		return FormatError(kind + ", not an ONNX model; export the network to ONNX first, for example by torch.onnx.export")
	}
	switch {
	case size == 0:
		return FormatError("the file is empty")
	case strings.HasSuffix(zipName(head), ".npy"):
		return FormatError("a zip archive of NumPy's arrays (NPZ), data and not an ONNX model")
	case has(0, "PK\x03\x04"):
		return FormatError("a zip archive, not an ONNX model; unpack it first")
	case has(0, "version https://git-lfs"):
		return FormatError("a Git LFS pointer, not the model itself; run `git lfs pull`")
	case has(4, "ORTM"):
		return UnsupportedError("an onnxruntime-optimised model (.ort), not ONNX; use the .onnx file it was made from")
	case has(4, "TFL3"):
		return FormatError("a TensorFlow Lite model, not ONNX; export the network to ONNX instead")
	case has(0, "\x1f\x8b"), has(0, "\x28\xb5\x2f\xfd"), has(0, "\xfd7zXZ"), has(0, "BZh"), has(0, "7z\xbc\xaf"):
		return FormatError("a compressed file; unpack it first")
	}
	return nil
}

// checkpointKind names the format of a file of weights by its first bytes and its size; "" if it is none.
func checkpointKind(head []byte, size int64) string {
	start := string(head)
	switch {
	case isSafetensors(head, size):
		return "a safetensors checkpoint"
	case strings.HasSuffix(zipName(head), "/data.pkl"):
		return "a PyTorch checkpoint"
	case strings.HasSuffix(zipName(head), "/data/0"):
		return "a TorchScript model"
	case strings.HasPrefix(start, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"): // torch.save before 1.6
		return "a PyTorch checkpoint in the format before PyTorch 1.6"
	case len(head) > 2 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5: // the opcode PROTO and a version
		return "a pickle of Python"
	case strings.HasPrefix(start, "\x89HDF\r\n\x1a\n"):
		return "an HDF5 file, such as Keras's weights"
	case strings.HasPrefix(start, "GGUF"):
		return "a GGUF checkpoint"
	}
	return ""
}

// isSafetensors reports whether a file begins with the size of a JSON header, as 8 bytes, and the header.
func isSafetensors(head []byte, size int64) bool {
	if len(head) < 10 {
		return false
	}
	n := binary.LittleEndian.Uint64(head)
	return n >= 2 && n <= uint64(size)-8 && head[8] == '{' && (head[9] == '"' || head[9] == '}' || head[9] == ' ')
}

// zipName returns the name of a zip archive's first entry, as far as it is in head; "" if head begins no archive.
func zipName(head []byte) string {
	const nameSizeAt, nameAt = 26, 30
	if len(head) < nameAt || !strings.HasPrefix(string(head), "PK\x03\x04") {
		return ""
	}
	n := int(binary.LittleEndian.Uint16(head[nameSizeAt:]))
	return string(head[nameAt:min(nameAt+n, len(head))])
}
