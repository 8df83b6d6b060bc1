package ort

// InstallVersion is the onnxruntime that Load installs: the newest in the Go module below, and new enough for the
// binding.
const InstallVersion = "1.23.2"

// pin is one file to be fetched and the SHA-256 that it must have.
type pin struct {
	member string // path inside the module or archive
	sha256 string
}

// source is one way to get the library, through a package client that the user
// has.
type source struct {
	client  string // the program that must be on the path
	pkg     string // the package as the client names it
	version string // of onnxruntime
	fetch   fetcher
	// address returns where the client asks for the package; nil is that it does not matter whether that answers.
	address addresser
	// offline is set if that does not answer: what the client has is enough, or it fails at once.
	offline bool
	// files lists what to take for each platform, the library itself first.
	files map[string][]pin
}

// The sources in the order in which they are tried. Users of `go run` have the Go client, and its download is
// verified by the checksum database as well; pip has the official builds of the same version; the npm package is the
// largest.
var sources = []source{
	{
		client: "go", pkg: "github.com/k2-fsa/sherpa-onnx-go-linux@v1.12.34", version: InstallVersion, fetch: fetchGo, address: goAddress,
		files: map[string][]pin{
			"linux-amd64": {{"lib/x86_64-unknown-linux-gnu/libonnxruntime.so",
				"7a6019216c8b6194101291ab8cd1ad9803f087306b10f6f0ef384c52fe879138"}},
			"linux-arm64": {{"lib/aarch64-unknown-linux-gnu/libonnxruntime.so",
				"839a983b46b772db920c1568870fa34d8af5830c7df576e20d6d2dffc0990b99"}},
		},
	},
	{
		client: "go", pkg: "github.com/k2-fsa/sherpa-onnx-go-macos@v1.12.34", version: InstallVersion, fetch: fetchGo, address: goAddress,
		files: map[string][]pin{
			"darwin-amd64": {{"lib/x86_64-apple-darwin/libonnxruntime.1.23.2.dylib",
				"8c9c78de65ea3786f987c0d980e9c1b13a3a5fbc6b3e2965ba05b450e6e4c054"}},
			"darwin-arm64": {{"lib/aarch64-apple-darwin/libonnxruntime.1.23.2.dylib",
				"d306d2bc768540766c7ed8a1e0ff05d2870c77a934ebeee4a7bafa1b732ef299"}},
		},
	},
	{
		client: "go", pkg: "github.com/k2-fsa/sherpa-onnx-go-windows@v1.12.34", version: InstallVersion, fetch: fetchGo, address: goAddress,
		files: map[string][]pin{
			"windows-amd64": {{"lib/x86_64-pc-windows-gnu/onnxruntime.dll",
				"102e19d55820d7609bb6deb67074a0a6cbfabb6be474b9b3013022b1459b71c7"}},
		},
	},
	{
		client: "pip", pkg: "onnxruntime==1.23.2", version: InstallVersion, fetch: fetchPip, address: pipAddress,
		files: map[string][]pin{
			"linux-amd64": {{"onnxruntime/capi/libonnxruntime.so.1.23.2",
				"718c3fb0785d5ea06061b92c32ce4ad35be1bd4c71ae6192efe06f1ab21f0f8a"}},
			"linux-arm64": {{"onnxruntime/capi/libonnxruntime.so.1.23.2",
				"ab8c4363e06ac80b3d1279ea55ebea44e906c5b131ba783ff684a067540c0e94"}},
			"darwin-amd64": {{"onnxruntime/capi/libonnxruntime.1.23.2.dylib",
				"41e7960eccef34f60ca21d091d37bc97d0e70a0b4ce902babf5f795a76e1af74"}},
			"darwin-arm64": {{"onnxruntime/capi/libonnxruntime.1.23.2.dylib",
				"92500010659b052368797e30c1841956b0efd699a8061ef8b3b25f27449c86e7"}},
			"windows-amd64": {{"onnxruntime/capi/onnxruntime.dll",
				"462ea8e85b881b26388c595f96b1b9b39e57565aa4725fe29136695c1ead179f"}},
		},
	},
	{
		client: "npm", pkg: "onnxruntime-node@1.30.0", version: "1.30.0", fetch: fetchNPM, address: npmAddress,
		files: map[string][]pin{
			"linux-amd64": {{"package/bin/napi-v6/linux/x64/libonnxruntime.so.1",
				"ffb75a925ba05e47b235bb66e3e3911714a80b328a9c9425539feb204aa32a23"}},
			"linux-arm64": {{"package/bin/napi-v6/linux/arm64/libonnxruntime.so.1",
				"1f549d46250b005580b597f4164984aaf75b3bcb9f3aeb07c7f8a8fe60b23c76"}},
			"darwin-arm64": {{"package/bin/napi-v6/darwin/arm64/libonnxruntime.1.30.0.dylib",
				"685d2be5dba1309c89d3a5324b7fd06a5c42f1a61bfea32d14c4cc28d072121d"}},
			"windows-amd64": {{"package/bin/napi-v6/win32/x64/onnxruntime.dll",
				"508c362f5673483dd3a086379c392795b2e42d10d5e6f3f90ebd7ac21c97af67"}},
		},
	},
}

// cudaSources include the CUDA provider, which needs CUDA 12 and cuDNN 9 on the machine.
var cudaSources = []source{{
	client: "pip", pkg: "onnxruntime-gpu==1.23.2", version: InstallVersion, fetch: fetchPip, address: pipAddress,
	files: map[string][]pin{
		"linux-amd64": {
			{"onnxruntime/capi/libonnxruntime.so.1.23.2", "c7111c65636e247bb31d922af77ce77c47b4f902b670c13f635a9912f1b39845"},
			{"onnxruntime/capi/libonnxruntime_providers_shared.so",
				"ee7bf6d4d32f523dbdebf9dec70a1b3287a1a60d019192490732750dc385f98c"},
			{"onnxruntime/capi/libonnxruntime_providers_cuda.so",
				"8b8311ce197680e3adb506381b9c1189ae0e50eb9f7278420942b842e5a16dfd"},
		},
	},
}}

// pipPlatforms are the wheel tags for pip. Python's own version does not matter: the library in the wheel is the
// same.
var pipPlatforms = map[string][]string{
	"linux-amd64":   {"manylinux_2_28_x86_64", "manylinux_2_27_x86_64"},
	"linux-arm64":   {"manylinux_2_28_aarch64", "manylinux_2_27_aarch64"},
	"darwin-amd64":  {"macosx_13_0_x86_64"},
	"darwin-arm64":  {"macosx_13_0_arm64"},
	"windows-amd64": {"win_amd64"},
}
