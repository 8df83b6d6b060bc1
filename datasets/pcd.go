package datasets

import "bytes"

func init() {
	registerFiles(fileFormat{
		name:       "pcd",
		doc:        "PCD files (ascii, binary, binary_compressed)",
		extensions: []string{".pcd"},
		match: func(head []byte) bool {
			return bytes.Contains(head, []byte("VERSION")) || bytes.HasPrefix(head, []byte("# .PCD"))
		},
		decode: func(dst []float32, file []byte, _ fileOptions) ([]float32, error) { return decodePCD(dst, file) },
	})
}
