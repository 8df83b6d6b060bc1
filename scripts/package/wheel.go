package main

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
)

//go:embed python/__main__.py
var pythonMain []byte

// repository is where links of the README lead to.
const repository = "https://github.com/wiseft/wiseft"

// minOnnxruntime is the oldest that the program takes when it finds it: ort.MinVersion.
const minOnnxruntime = "1.23"

func (r *release) wheelName() string {
	return fmt.Sprintf("wiseft-%s-py3-none-%s.whl", r.version, r.platform.wheelTag)
}

// wheel returns a Python wheel (PEP 427): the program among the scripts, which pip puts on the path, and a package that
// runs it.
func (r *release) wheel() ([]byte, error) {
	info := fmt.Sprintf("wiseft-%s.dist-info/", r.version)
	metadata, err := r.wheelMetadata()
	if err != nil {
		return nil, err
	}
	const initText = "\"\"\"wiseft, a program: python -m wiseft runs it.\"\"\"\n\n__version__ = %q\n"
	files := []file{
		{"wiseft/__init__.py", 0o644, fmt.Appendf(nil, initText, r.version)},
		{"wiseft/__main__.py", 0o644, pythonMain},
		{fmt.Sprintf("wiseft-%s.data/scripts/%s", r.version, r.platform.programName()), 0o755, r.program},
		{info + "licenses/LICENSE", 0o644, r.document("LICENSE")},
		{info + "licenses/NOTICES", 0o644, r.document("NOTICES")},
		{info + "METADATA", 0o644, metadata},
		{info + "WHEEL", 0o644, r.wheelTags()},
	}
	return zipFiles(append(files, file{info + "RECORD", 0o644, record(files, info+"RECORD")}))
}

// wheelTags returns the file WHEEL.
func (r *release) wheelTags() []byte {
	text := "Wheel-Version: 1.0\nGenerator: wiseft scripts/package\nRoot-Is-Purelib: false\n"
	for tag := range strings.SplitSeq(r.platform.wheelTag, ".") {
		text += "Tag: py3-none-" + tag + "\n"
	}
	return []byte(text)
}

// record returns the file RECORD: name, hash and size of every file, and its own name.
func record(files []file, name string) []byte {
	var out bytes.Buffer
	for _, f := range files {
		sum := sha256.Sum256(f.data)
		fmt.Fprintf(&out, "%s,sha256=%s,%d\n", f.name, base64.RawURLEncoding.EncodeToString(sum[:]), len(f.data))
	}
	fmt.Fprintf(&out, "%s,,\n", name)
	return out.Bytes()
}

// wheelMetadata returns the file METADATA (core metadata 2.4), whose description is the README. onnxruntime is an extra,
// since that for CPUs and that for GPUs unpack into one folder; without it the program installs the library itself.
func (r *release) wheelMetadata() ([]byte, error) {
	readme, err := absoluteLinks(string(r.document("README.md")), r.version)
	if err != nil {
		return nil, err
	}
	lines := []string{
		"Metadata-Version: 2.4",
		"Name: wiseft",
		"Version: " + r.version,
		"Summary: Merge fine-tuned ONNX models with their pre-trained ones, and measure the result",
		"License-Expression: Apache-2.0",
		"License-File: LICENSE",
		"License-File: NOTICES",
		"Keywords: onnx,model merging,weight averaging,WiSE-FT,robustness,point clouds",
		"Classifier: Environment :: Console",
		"Classifier: Intended Audience :: Science/Research",
		"Classifier: Programming Language :: Go",
		"Classifier: Topic :: Scientific/Engineering :: Artificial Intelligence",
		"Project-URL: Source, " + repository,
		"Project-URL: Changelog, " + repository + "/blob/main/CHANGELOG.md",
		"Requires-Python: >=3.8",
		"Provides-Extra: cpu",
		"Requires-Dist: onnxruntime>=" + minOnnxruntime + "; extra == 'cpu'",
		"Provides-Extra: gpu",
		"Requires-Dist: onnxruntime-gpu>=" + minOnnxruntime + "; extra == 'gpu'",
		"Description-Content-Type: text/markdown",
	}
	return []byte(strings.Join(lines, "\n") + "\n\n" + readme), nil
}

// relativeLink is the target of a Markdown link into the repository, with what is before it.
var relativeLink = regexp.MustCompile(`(!?\[[^\]]*\])\(([^)#:\s]+)(#[^)\s]*)?\)`)

// relativePicture is the address of a picture in the repository, in an element of HTML, with what is before it.
var relativePicture = regexp.MustCompile(`(<(?:img|source)\s[^>]*?\b(?:src|srcset)=)"([^":#\s]+)"`)

// absoluteLinks makes links of the README lead to the repository, since a page elsewhere has no files beside it.
func absoluteLinks(text, version string) (string, error) {
	ref := "main"
	if !strings.Contains(version, "+") {
		ref = "v" + version
	}
	text = relativeLink.ReplaceAllStringFunc(text, func(link string) string {
		m := relativeLink.FindStringSubmatch(link)
		kind := "blob"
		if strings.HasPrefix(m[1], "!") {
			kind = "raw"
		}
		return fmt.Sprintf("%s(%s/%s/%s/%s%s)", m[1], repository, kind, ref, m[2], m[3])
	})
	text = relativePicture.ReplaceAllString(text, fmt.Sprintf(`$1"%s/raw/%s/$2"`, repository, ref))
	if !strings.Contains(text, repository+"/raw/") {
		return "", fmt.Errorf("README.md has no picture")
	}
	return text, nil
}
