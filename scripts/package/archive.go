package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"os"
	"time"
)

// stamp is the time of all files in archives: the first that zip has.
var stamp = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

func (r *release) archiveName() string {
	if r.platform.os == "windows" {
		return r.name() + ".zip"
	}
	return r.name() + ".tar.gz"
}

// archive returns the program with its documents in a folder: as a zip archive for Windows, else as a compressed tar.
func (r *release) archive() ([]byte, error) {
	files := append([]file{{r.platform.programName(), 0o755, r.program}}, r.files...)
	for i := range files {
		files[i].name = r.name() + "/" + files[i].name
	}
	if r.platform.os == "windows" {
		return zipFiles(files)
	}
	return tarFiles(files)
}

func tarFiles(files []file) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	t := tar.NewWriter(z)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: int64(f.mode), Size: int64(len(f.data)), ModTime: stamp, Format: tar.FormatUSTAR}
		if err := t.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := t.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := t.Close(); err != nil {
		return nil, err
	}
	err = z.Close()
	return out.Bytes(), err
}

func zipFiles(files []file) ([]byte, error) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: stamp}
		h.SetMode(f.mode &^ os.ModeType)
		w, err := z.CreateHeader(h)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return out.Bytes(), err
}
