package pair

import (
	"bytes"
	"reflect"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// The order of operators in a file says nothing: onnxruntime accepts any, and some converters append operators.
func TestOrderOfOperators(t *testing.T) {
	t.Parallel()
	first := map[string]corpusFile{}
	count := 0
	for _, f := range corpus(t) {
		a, ok := first[f.Architecture]
		switch {
		case f.Weights == "a":
			first[f.Architecture] = f
			continue
		case !ok:
			continue
		}
		delete(first, f.Architecture)
		count++
		b := f
		b.model = backwards(t, f)
		cosines := corpusCosines{}
		want, got := found(t, a, f, cosines.similarity), found(t, a, b, cosines.similarity)
		if !reflect.DeepEqual(want, got) || len(got) == 0 {
			t.Errorf("%s and %s backwards: %d pairs, else %d: %v, else %v", a.File, f.File, len(got), len(want), got, want)
		}
	}
	if count < 12 {
		t.Errorf("%d pairs of files", count)
	}
}

// backwards returns the model with the operators of its main graph in the opposite order in the file.
func backwards(t *testing.T, f corpusFile) *onnx.Model {
	t.Helper()
	const graph, node = 7, 1
	var data []byte
	for num, field := range fields(t, rewritten(t, f)) {
		if num == graph {
			var nodes, rest []byte
			body, _ := protowire.ConsumeBytes(field[protowire.SizeTag(graph):])
			for num, field := range fields(t, body) {
				if num == node {
					nodes = append(bytes.Clone(field), nodes...)
				} else {
					rest = append(rest, field...)
				}
			}
			field = protowire.AppendBytes(protowire.AppendTag(nil, graph, protowire.BytesType), append(nodes, rest...))
		}
		data = append(data, field...)
	}
	return openBytes(t, data)
}

// fields yields the fields of a message with their numbers.
func fields(t *testing.T, message []byte) func(yield func(protowire.Number, []byte) bool) {
	return func(yield func(protowire.Number, []byte) bool) {
		for len(message) > 0 {
			num, _, n := protowire.ConsumeField(message)
			if n < 0 {
				t.Fatal(protowire.ParseError(n))
			}
			if !yield(num, message[:n]) {
				return
			}
			message = message[n:]
		}
	}
}
