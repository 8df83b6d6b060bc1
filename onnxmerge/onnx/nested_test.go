package onnx

import (
	"bytes"
	"strings"
	"testing"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/wiseft/wiseft/internal/memorytest"
)

// wrap returns the fields of a path, each inside of the one before, with body in the innermost.
func wrap(path []protowire.Number, body []byte) []byte {
	for i := len(path) - 1; i >= 0; i-- {
		field := protowire.AppendTag(nil, path[i], protowire.BytesType)
		body = protowire.AppendBytes(field, body)
	}
	return body
}

// A message that protobuf's parsers refuse is refused wherever in the model it is, also in parts that a merge copies.
func TestMalformedMessagesAreRefused(t *testing.T) {
	t.Parallel()
	paths := map[message][]protowire.Number{modelProto: {}}
	queue := []message{modelProto}
	cases := 0
	for len(queue) > 0 {
		in := queue[0]
		queue = queue[1:]
		for num, kind := range nestedIn[in] {
			path := append(append([]protowire.Number{}, paths[in]...), num)
			if _, ok := paths[kind]; !ok && kind != flatProto {
				paths[kind] = path
				queue = append(queue, kind)
			}
			model := wrap(path, []byte{1<<3 | 7, 0}) // there is no wire type 7
			_, err := Open(bytes.NewReader(model), int64(len(model)))
			if err == nil || !strings.Contains(err.Error(), "field 1 has wire type 7") {
				t.Errorf("fields %v: %v", path, err)
			}
			cases++
		}
	}
	if cases < 50 || len(paths) != len(nestedIn) {
		t.Errorf("%d cases; %d messages of %d are reached", cases, len(paths), len(nestedIn))
	}
}

// Messages that nest deeper than protobuf's parsers go are refused.
func TestDeepMessagesAreRefused(t *testing.T) {
	t.Parallel()
	path := []protowire.Number{modelGraph, graphInput, valueType}
	for range 200 {
		path = append(path, 4, 1) // a sequence of sequences
	}
	model := wrap(path, nil)
	_, err := Open(bytes.NewReader(model), int64(len(model)))
	if err == nil || !strings.Contains(err.Error(), "nest deeper than 100") {
		t.Error(err)
	}
}

// A file of empty operators takes the memory of their list once.
func TestEmptyOperatorsTakeLittleMemory(t *testing.T) {
	const n = 100_000
	model := wrap([]protowire.Number{modelGraph}, bytes.Repeat([]byte{graphNode<<3 | 2, 0}, n))
	var m *Model
	var err error
	taken := memorytest.Allocated(func() { m, err = Open(bytes.NewReader(model), int64(len(model))) })
	if err != nil || len(m.Graph.Nodes) != n {
		t.Fatal(err)
	}
	if taken > n*int64(unsafe.Sizeof(Node{}))*3/2 {
		t.Errorf("%d operators take %d bytes each, of which %d are needed", n, taken/n, unsafe.Sizeof(Node{}))
	}
}
