package onnx

import (
	"github.com/wiseft/wiseft/onnxmerge/internal/wire"
	"google.golang.org/protobuf/encoding/protowire"
)

// message is a type of messages of onnx.proto.
type message int

const (
	modelProto message = iota + 1
	functionProto
	graphProto
	nodeProto
	attributeProto
	tensorProto
	sparseTensorProto
	valueInfoProto
	typeProto
	typeTensorProto // TypeProto.Tensor and TypeProto.SparseTensor
	typeElemProto   // TypeProto.Sequence and TypeProto.Optional
	typeMapProto    // TypeProto.Map
	shapeProto
	annotationProto   // TensorAnnotation
	trainingInfoProto // TrainingInfoProto
	deviceProto       // NodeDeviceConfigurationProto
	shardingProto     // ShardingSpecProto
	shardedDimProto   // ShardedDimProto
	flatProto         // any message without messages in it, such as StringStringEntryProto
)

// nestedIn lists the fields that are messages, by the message that they are in.
var nestedIn = map[message]map[protowire.Number]message{
	modelProto: {modelOpsetImport: flatProto, modelGraph: graphProto, modelMetadataProps: flatProto,
		modelTrainingInfo: trainingInfoProto, modelFunctions: functionProto, 26: flatProto},
	functionProto: {functionNode: nodeProto, 9: flatProto, 11: attributeProto, 12: valueInfoProto, 14: flatProto},
	graphProto: {graphNode: nodeProto, graphInitializer: tensorProto, graphSparseInitializer: sparseTensorProto,
		graphInput: valueInfoProto, graphOutput: valueInfoProto, graphValueInfo: valueInfoProto, 14: annotationProto,
		16: flatProto},
	nodeProto: {nodeAttribute: attributeProto, 9: flatProto, 10: deviceProto},
	attributeProto: {attrT: tensorProto, attrG: graphProto, attrTensors: tensorProto, attrGraphs: graphProto,
		attrSparse: sparseTensorProto, attrSparseTensors: sparseTensorProto, 14: typeProto, 15: typeProto},
	tensorProto:       {3: flatProto, tensorExternalData: flatProto, 16: flatProto},
	sparseTensorProto: {sparseValues: tensorProto, sparseIndices: tensorProto},
	valueInfoProto:    {valueType: typeProto, 4: flatProto},
	typeProto: {typeTensor: typeTensorProto, 4: typeElemProto, 5: typeMapProto, 7: flatProto, 8: typeTensorProto,
		9: typeElemProto},
	typeTensorProto:   {typeShape: shapeProto},
	typeElemProto:     {1: typeProto},
	typeMapProto:      {2: typeProto},
	shapeProto:        {shapeDim: flatProto},
	annotationProto:   {2: flatProto},
	trainingInfoProto: {1: graphProto, 2: graphProto, 3: flatProto, 4: flatProto},
	deviceProto:       {2: shardingProto},
	shardingProto:     {3: flatProto, 4: shardedDimProto},
	shardedDimProto:   {2: flatProto},
}

// maxNesting is how deep messages may nest for protobuf's own parsers.
const maxNesting = 100

// checkNested refuses a field of a message that protobuf's parsers refuse: the scanner reads what a merge needs, and
// other programs read the whole file. Fields of types that onnx.proto does not know are skipped, as they do.
func (s *scanner) checkNested(in message, f wire.Field) error { return s.checkDeep(in, f, 0) }

func (s *scanner) checkDeep(in message, f wire.Field, depth int) error {
	kind, ok := nestedIn[in][f.Num]
	if !ok || f.Type != protowire.BytesType {
		return nil
	}
	if depth > maxNesting {
		return formatf("messages nest deeper than %d", maxNesting)
	}
	for inner, err := range s.source.Fields(f.Body) {
		if err == nil {
			err = s.checkDeep(kind, inner, depth+1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
