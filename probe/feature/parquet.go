package feature

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
	"github.com/wiseft/wiseft/datasets/arrays"
	"github.com/wiseft/wiseft/internal/numeric"
)

func init() {
	register(Format{
		Name: "parquet",
		Doc: "Parquet file with a column of lists of numbers, or columns of numbers, and one of labels; --target COLUMN names " +
			"it, --input COLUMN or PATTERN the features",
		match: func(head []byte) bool { return bytes.HasPrefix(head, []byte(parquetMagic)) },
		read:  readParquet,
	})
}

const parquetMagic = "PAR1"

// readParquet reads a Parquet file by parquet-go, which is pure Go, kept up, and needs eight modules, four of which
// this module has anyhow; apache/arrow-go needs more than twenty. It trusts the lengths that a file claims, so they are
// compared with the file first (parquet_check.go); and it panics for some malformed files, which becomes an error.
func readParquet(r io.ReaderAt, size int64, part Part) (_ *Set, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("is malformed: %v", p)
		}
	}()
	if err := checkFooter(r, size); err != nil {
		return nil, err
	}
	file, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, err
	}
	p := &parquetFile{file: file, r: r, size: size}
	all := p.columns()
	roles, err := chooseColumns(all, part)
	if err != nil {
		return nil, err
	}
	x, dim, err := p.features(roles.features)
	if err != nil {
		return nil, err
	}
	labels, err := p.labels(roles.label, len(x)/dim, part)
	if err != nil {
		return nil, err
	}
	return newSet("parquet", x, dim, labels, roles.note), nil
}

type parquetFile struct {
	file   *parquet.File
	r      io.ReaderAt
	size   int64
	leaves []*parquet.Column // of the columns that columns has returned
}

// columns returns the columns by the names of their outermost fields, which a list shares with its elements. Structs
// get the names of their fields behind a point.
func (p *parquetFile) columns() (all []column) {
	var walk func(c *parquet.Column, name string)
	walk = func(c *parquet.Column, name string) {
		if c.Leaf() {
			p.leaves = append(p.leaves, c)
			all = append(all, column{name, p.leafKind(c)})
			return
		}
		for _, child := range c.Columns() {
			if c.MaxRepetitionLevel() > 0 || child.MaxRepetitionLevel() > 0 {
				walk(child, name)
			} else {
				walk(child, name+"."+child.Name())
			}
		}
	}
	for _, c := range p.file.Root().Columns() {
		walk(c, c.Name())
	}
	return all
}

func (p *parquetFile) leafKind(c *parquet.Column) columnKind {
	number := false
	switch c.Type().Kind() {
	case parquet.Boolean, parquet.Int32, parquet.Int64, parquet.Float, parquet.Double:
		number = c.Type().LogicalType() == nil || isInteger(c)
	case parquet.FixedLenByteArray:
		number = p.isHalf(c)
	case parquet.ByteArray:
		if c.MaxRepetitionLevel() == 0 {
			return textColumn
		}
	}
	switch {
	case number && c.MaxRepetitionLevel() == 0:
		return numberColumn
	case number && c.MaxRepetitionLevel() == 1:
		return listColumn
	}
	return otherColumn
}

// isInteger reports whether the logical type is a plain integer, and no time or decimal number.
func isInteger(c *parquet.Column) bool {
	return strings.HasPrefix(c.Type().LogicalType().String(), "INT")
}

// isHalf reports whether a leaf is of float16, a logical type that parquet-go's columns leave out.
func (p *parquetFile) isHalf(c *parquet.Column) bool {
	leaf := 0
	for _, e := range p.file.Metadata().Schema {
		if !e.Type.Valid {
			continue // of an inner node
		}
		if leaf == c.Index() {
			_, half := e.LogicalType.Value.(*format.Float16Type)
			return half && c.Type().Length() == 2
		}
		leaf++
	}
	return false
}

// features reads one column of lists, or several of numbers.
func (p *parquetFile) features(list []int) (x []float32, dim int, err error) {
	first := p.leaves[list[0]]
	if first.MaxRepetitionLevel() == 1 {
		return p.lists(first)
	}
	dim = len(list)
	for k, at := range list {
		row := 0
		err := p.each(p.leaves[at], func(v parquet.Value) error {
			f, err := number(v)
			if k == 0 {
				x = append(x, make([]float32, dim)...)
			}
			if err == nil && row >= len(x)/dim {
				err = errors.New("there are more values than in the first column")
			}
			if err == nil {
				x[row*dim+k] = f
			}
			row++
			return err
		})
		if err == nil && row != len(x)/dim {
			err = fmt.Errorf("there are %d values, but %d in the first column", row, len(x)/dim)
		}
		if err != nil {
			return nil, 0, err
		}
	}
	return x, dim, nonEmpty(x)
}

// lists reads a column with a list a row.
func (p *parquetFile) lists(c *parquet.Column) (x []float32, dim int, err error) {
	rows := 0
	endRow := func() error {
		switch {
		case rows == 0:
			return nil
		case rows == 1:
			dim = len(x)
		}
		if n := len(x) - (rows-1)*dim; n != dim {
			return fmt.Errorf("row %d has %d features, want %d as the rows before", rows-1, n, dim)
		}
		return nil
	}
	err = p.each(c, func(v parquet.Value) error {
		if v.RepetitionLevel() == 0 {
			if err := endRow(); err != nil {
				return err
			}
			rows++
		}
		f, err := number(v)
		x = append(x, f)
		return err
	})
	if err == nil {
		err = endRow()
	}
	if err != nil {
		return nil, 0, err
	}
	return x, dim, nonEmpty(x)
}

func nonEmpty(x []float32) error {
	if len(x) == 0 {
		return errors.New("has no rows")
	}
	return nil
}

// labels reads the labels of n rows: integers, whole floats, booleans or text.
func (p *parquetFile) labels(at, n int, part Part) (*arrays.Labels, error) {
	if at < 0 {
		return part.ownLabels(n)
	}
	c := p.leaves[at]
	var words []string
	var y []int64
	known := map[string]string{} // a text of the dictionary is kept once
	err := p.each(c, func(v parquet.Value) error {
		if v.IsNull() {
			return errors.New("a value is missing")
		}
		switch v.Kind() {
		case parquet.ByteArray:
			word, ok := known[string(v.ByteArray())]
			if !ok {
				word = string(v.ByteArray())
				known[word] = word
			}
			words = append(words, word)
		case parquet.Int32, parquet.Int64, parquet.Boolean:
			y = append(y, integer(v))
		default:
			f, err := number(v)
			whole, ok := numeric.Whole(float64(f))
			if err != nil || !ok {
				return fmt.Errorf("a label is %s, want a whole number", v)
			}
			y = append(y, whole)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case len(words)+len(y) != n:
		return nil, fmt.Errorf("has %d labels for %d rows", len(words)+len(y), n)
	case words != nil:
		return arrays.FromWords(words)
	}
	return arrays.FromNumbers(y, nil)
}

func integer(v parquet.Value) int64 {
	switch v.Kind() {
	case parquet.Boolean:
		if v.Boolean() {
			return 1
		}
		return 0
	case parquet.Int32:
		return int64(v.Int32())
	}
	return v.Int64()
}

// number returns a value of a column of numbers as float32. A value that is missing, and an integer that float32 does
// not hold, is an error.
func number(v parquet.Value) (float32, error) {
	if v.IsNull() {
		return 0, errors.New("a value is missing")
	}
	switch v.Kind() {
	case parquet.Float:
		return v.Float(), nil
	case parquet.Double:
		return float32(v.Double()), nil
	case parquet.FixedLenByteArray:
		return numeric.FromHalf(binary.LittleEndian.Uint16(v.ByteArray())), nil
	}
	n := integer(v)
	if f := float32(n); int64(f) == n {
		return f, nil
	}
	return 0, fmt.Errorf("%s is beyond the integers that float32 holds", strconv.FormatInt(n, 10))
}

// each calls f with every value of a column, in order. Errors get the column's name and the value's number.
func (p *parquetFile) each(c *parquet.Column, f func(v parquet.Value) error) error {
	values := make([]parquet.Value, 1024)
	at := 0
	for i, group := range p.file.RowGroups() {
		if err := p.checkPages(i, c); err != nil {
			return fmt.Errorf("column %q: %w", c.Path()[0], err)
		}
		pages := group.ColumnChunks()[c.Index()].Pages()
		err := eachPage(pages, values, func(v parquet.Value) error {
			err := f(v)
			if err != nil {
				err = fmt.Errorf("value %d: %w", at, err)
			}
			at++
			return err
		})
		if err = errors.Join(err, pages.Close()); err != nil {
			return fmt.Errorf("column %q: %w", c.Path()[0], err)
		}
	}
	return nil
}

func eachPage(pages parquet.Pages, buffer []parquet.Value, f func(v parquet.Value) error) error {
	for {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		values := page.Values()
		for {
			n, err := values.ReadValues(buffer)
			for _, v := range buffer[:n] {
				if err := f(v); err != nil {
					return err
				}
			}
			if errors.Is(err, io.EOF) || err == nil && n == 0 {
				break
			}
			if err != nil {
				return err
			}
		}
		parquet.Release(page)
	}
}
