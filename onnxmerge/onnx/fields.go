package onnx

// Field numbers of onnx.proto. They are part of the file format and can never change.
const (
	// ModelProto
	modelIRVersion       = 1
	modelProducerName    = 2
	modelProducerVersion = 3
	modelGraph           = 7
	modelOpsetImport     = 8
	modelMetadataProps   = 14
	modelTrainingInfo    = 20
	modelFunctions       = 25

	// FunctionProto
	functionName     = 1
	functionInput    = 4
	functionOutput   = 5
	functionNode     = 7
	functionDomain   = 10
	functionOverload = 13

	// GraphProto
	graphNode              = 1
	graphName              = 2
	graphInitializer       = 5
	graphInput             = 11
	graphOutput            = 12
	graphValueInfo         = 13
	graphSparseInitializer = 15

	// NodeProto
	nodeInput     = 1
	nodeOutput    = 2
	nodeName      = 3
	nodeOpType    = 4
	nodeAttribute = 5
	nodeDomain    = 7

	// AttributeProto
	attrName          = 1
	attrF             = 2
	attrReference     = 21
	attrI             = 3
	attrS             = 4
	attrT             = 5
	attrG             = 6
	attrFloats        = 7
	attrInts          = 8
	attrStrings       = 9
	attrTensors       = 10
	attrGraphs        = 11
	attrType          = 20
	attrSparse        = 22
	attrSparseTensors = 23

	// TensorProto
	tensorDims         = 1
	tensorDataType     = 2
	tensorFloatData    = 4
	tensorInt32Data    = 5
	tensorStringData   = 6
	tensorInt64Data    = 7
	tensorName         = 8
	tensorRawData      = 9
	tensorDoubleData   = 10
	tensorUint64Data   = 11
	tensorExternalData = 13
	tensorDataLocation = 14

	// SparseTensorProto
	sparseValues  = 1
	sparseIndices = 2
	sparseDims    = 3

	// ValueInfoProto, TypeProto, TypeProto.Tensor, TensorShapeProto and its Dimension
	valueName       = 1
	valueType       = 2
	typeTensor      = 1
	typeElemType    = 1
	typeShape       = 2
	shapeDim        = 1
	dimValue        = 1
	dimParam        = 2
	opsetDomain     = 1
	opsetVersion    = 2
	entryKey        = 1
	entryValue      = 2
	locationExt     = 1 // TensorProto.DataLocation.EXTERNAL
	attributeINT    = 2 // AttributeProto.AttributeType.INT
	attributeSTRING = 3 // AttributeProto.AttributeType.STRING
	attributeINTS   = 7 // AttributeProto.AttributeType.INTS
)
