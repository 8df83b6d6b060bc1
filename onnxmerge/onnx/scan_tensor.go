package onnx

import (
	"errors"
	"fmt"

	"github.com/wiseft/wiseft/onnxmerge/internal/wire"
	"google.golang.org/protobuf/encoding/protowire"
)

// maxRank bounds the number of axes of a tensor; onnxruntime's own limit is far lower.
const maxRank = 1024

// usualRank is a number of axes that few tensors exceed.
const usualRank = 4

// storeFields maps the fields of TensorProto that hold a payload to their stores.
var storeFields = map[protowire.Number]Store{
	tensorRawData: Raw, tensorFloatData: FloatData, tensorDoubleData: DoubleData, tensorInt32Data: Int32Data,
	tensorInt64Data: Int64Data, tensorUint64Data: Uint64Data, tensorStringData: StringData,
}

// scanTensor reads the tensor in field tf. within lists the enclosing fields.
func (s *scanner) scanTensor(tf wire.Field, within []wire.Field) (*Tensor, error) {
	if err := bytesField(tf); err != nil {
		return nil, err
	}
	t := s.tensors.One()
	t.model, t.around, t.place = s.model, within, tf.Place()
	isExternal := false
	for f, err := range s.source.Fields(tf.Body) {
		if err != nil {
			return nil, err
		}
		switch f.Num {
		case tensorName:
			t.Name, err = s.text(f)
		case tensorDims:
			if t.Dims == nil {
				t.Dims = s.dims.Take(usualRank)[:0]
			}
			t.Dims, err = s.scanDims(t.Dims, f)
		case tensorDataType:
			t.DType = DType(f.Value)
		case tensorDataLocation:
			isExternal = f.Value == locationExt
		case tensorExternalData:
			err = s.scanExternal(t, f)
		default:
			if store, ok := storeFields[f.Num]; ok {
				err = t.addPiece(store, f)
			} else {
				err = s.checkNested(tensorProto, f)
			}
		}
		if err != nil {
			return nil, s.inTensor(tf, err)
		}
	}
	if len(t.Dims) == 0 {
		t.Dims = nil // as without the field
	}
	if !isExternal {
		t.external = nil
		return t, nil
	}
	if t.Store != Empty {
		return nil, formatf("tensor %q: its payload is stored twice, as %s and in a data file", t.Name, t.Store)
	}
	if t.external == nil || t.external.location == "" {
		return nil, formatf("tensor %q: its payload is in a data file, and external_data has no location", t.Name)
	}
	t.Store = External
	return t, nil
}

// inTensor prefixes an error with the tensor's name, which it looks up, because the name may follow the malformed
// field.
func (s *scanner) inTensor(tf wire.Field, err error) error {
	name := ""
	for f, err := range s.source.Fields(tf.Body) {
		if err != nil {
			break
		}
		if f.Num == tensorName {
			name, _ = s.text(f)
		}
	}
	if format, ok := errors.AsType[FormatError](err); ok {
		return formatf("tensor %q: %s", name, string(format))
	}
	return asFormat(err, fmt.Sprintf("tensor %q", name))
}

// scanDims accepts both encodings of a repeated integer: packed, and one field per element.
func (s *scanner) scanDims(dims []int64, f wire.Field) ([]int64, error) {
	if f.Type == protowire.VarintType {
		dims = append(dims, int64(f.Value))
	} else {
		if err := bytesField(f); err != nil {
			return nil, err
		}
		packed, err := s.source.ReadNear(f.Body, 10*maxRank)
		if err != nil {
			return nil, err
		}
		for len(packed) > 0 {
			v, n := protowire.ConsumeVarint(packed)
			if n < 0 {
				return nil, FormatError("the shape is cut off")
			}
			dims = append(dims, int64(v))
			packed = packed[n:]
		}
	}
	if len(dims) > maxRank {
		return nil, formatf("more than %d axes", maxRank)
	}
	return dims, nil
}

// addPiece adds the contents of a payload field. A repeated field may be packed, in several packed runs, or one field
// per element; the spans of all of them are the payload. As protobuf specifies, a repeated raw_data replaces the
// previous one.
func (t *Tensor) addPiece(store Store, f wire.Field) error {
	if t.Store != Empty && t.Store != store {
		return formatf("its payload is stored twice, as %s and as %s", t.Store, store)
	}
	t.Store = store
	single := protowire.VarintType
	switch store {
	case Raw:
		t.pieces = t.pieces[:0]
		single = protowire.BytesType
	case StringData:
		single = protowire.BytesType
	case FloatData:
		single = protowire.Fixed32Type
	case DoubleData:
		single = protowire.Fixed64Type
	}
	if f.Type != single && f.Type != protowire.BytesType {
		return formatf("field %d at byte %d has wire type %d", f.Num, f.Start, f.Type)
	}
	if f.Body.Len > 0 || store == StringData {
		if t.pieces == nil {
			t.pieces = t.piece[:0]
		}
		t.pieces = append(t.pieces, f.Body)
	}
	return nil
}
