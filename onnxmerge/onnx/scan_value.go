package onnx

import (
	"github.com/wiseft/wiseft/onnxmerge/internal/wire"
	"google.golang.org/protobuf/encoding/protowire"
)

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
		default:
			err = s.checkNested(valueInfoProto, f)
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
			if err := s.checkNested(typeProto, f); err != nil {
				return err
			}
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
