package graph

import (
	"github.com/wiseft/wiseft/onnxmerge/internal/wire"
	"google.golang.org/protobuf/encoding/protowire"
)

// maxRank bounds the axes of a tensor; onnxruntime's own limit is far lower.
const maxRank = 1024

// scanTensor reads the tensor in field tf. within are the fields around it.
func (s *scanner) scanTensor(tf wire.Field, within []wire.Field) (*Tensor, error) {
	if err := bytesField(tf); err != nil {
		return nil, err
	}
	t := &Tensor{source: s.source, within: append(within[:len(within):len(within)], tf)}
	isExternal := false
	for f, err := range s.source.Fields(tf.Body) {
		if err != nil {
			return nil, err
		}
		switch f.Num {
		case tensorName:
			t.Name, err = s.text(f)
		case tensorDims:
			err = s.scanDims(t, f)
		case tensorDataType:
			t.DType = DType(f.Value)
		case tensorDataLocation:
			isExternal = f.Value == locationExt
			t.place().fields = append(t.place().fields, f)
		case tensorExternalData:
			t.place().fields = append(t.place().fields, f)
			err = s.scanExternal(t, f)
		case tensorRawData:
			err = t.addChunk(Raw, f)
		case tensorFloatData:
			err = t.addChunk(FloatData, f)
		case tensorDoubleData:
			err = t.addChunk(DoubleData, f)
		case tensorInt32Data, tensorInt64Data, tensorUint64Data:
			err = t.setStore(Varints)
		case tensorStringData:
			err = t.setStore(Strings)
		}
		if err != nil {
			return nil, err
		}
	}
	if !isExternal {
		t.external = nil
		return t, nil
	}
	if t.Store != Empty {
		return nil, formatf("tensor %q: its payload is stored twice, as %s and in another file", t.Name, t.Store)
	}
	t.Store = External
	return t, nil
}

// scanDims accepts both encodings of a repeated integer: packed, or one by one.
func (s *scanner) scanDims(t *Tensor, f wire.Field) error {
	if f.Type == protowire.VarintType {
		t.Dims = append(t.Dims, int64(f.Value))
	} else {
		if err := bytesField(f); err != nil {
			return err
		}
		packed, err := s.source.Read(f.Body, 10*maxRank)
		if err != nil {
			return err
		}
		for len(packed) > 0 {
			v, n := protowire.ConsumeVarint(packed)
			if n < 0 {
				return formatf("tensor %q: its shape is cut off", t.Name)
			}
			t.Dims = append(t.Dims, int64(v))
			packed = packed[n:]
		}
	}
	if len(t.Dims) > maxRank {
		return formatf("tensor %q: more than %d axes", t.Name, maxRank)
	}
	return nil
}

// addChunk adds the contents of a payload field. Repeated fields may come packed,
// in several packed runs, or element by element; the spans of all of them together
// are the payload. As protobuf has it, a repeated raw_data replaces the one before.
func (t *Tensor) addChunk(store Store, f wire.Field) error {
	if err := t.setStore(store); err != nil {
		return err
	}
	if store == Raw {
		if err := bytesField(f); err != nil {
			return err
		}
		t.chunks = t.chunks[:0]
	}
	if f.Body.Len > 0 {
		t.chunks = append(t.chunks, f.Body)
	}
	return nil
}

func (t *Tensor) setStore(store Store) error {
	if t.Store != Empty && t.Store != store {
		return formatf("tensor %q: its payload is stored twice, as %s and as %s", t.Name, t.Store, store)
	}
	t.Store = store
	return nil
}

func (s *scanner) scanValue(vf wire.Field) (Value, error) {
	var v Value
	if err := bytesField(vf); err != nil {
		return v, err
	}
	for f, err := range s.source.Fields(vf.Body) {
		if err != nil {
			return v, err
		}
		switch f.Num {
		case valueName:
			v.Name, err = s.text(f)
		case valueType:
			err = s.scanType(&v, f)
		}
		if err != nil {
			return v, err
		}
	}
	return v, nil
}

func (s *scanner) scanType(v *Value, tf wire.Field) error {
	if err := bytesField(tf); err != nil {
		return err
	}
	for f, err := range s.source.Fields(tf.Body) {
		if err != nil {
			return err
		}
		if f.Num != typeTensor || f.Type != protowire.BytesType {
			continue
		}
		for f, err := range s.source.Fields(f.Body) {
			if err != nil {
				return err
			}
			switch {
			case f.Num == typeElemType:
				v.DType = DType(f.Value)
			case f.Num == typeShape && f.Type == protowire.BytesType:
				if err := s.scanShape(v, f); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (s *scanner) scanShape(v *Value, sf wire.Field) error {
	v.Shape = []Dim{}
	for f, err := range s.source.Fields(sf.Body) {
		if err != nil {
			return err
		}
		if f.Num != shapeDim || f.Type != protowire.BytesType {
			continue
		}
		d := Dim{Len: -1}
		for f, err := range s.source.Fields(f.Body) {
			if err != nil {
				return err
			}
			switch f.Num {
			case dimValue:
				d.Len = int64(f.Value)
			case dimParam:
				if d.Param, err = s.text(f); err != nil {
					return err
				}
			}
		}
		v.Shape = append(v.Shape, d)
	}
	return nil
}
