//go:build !unix

package mmap

import (
	"errors"
	"os"
)

func open(*os.File, int64, int) ([]byte, error) { return nil, errors.ErrUnsupported }

func closePages([]byte) error { return nil }
