package feature

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/wiseft/wiseft/datasets/arrays"
)

func init() {
	register(Format{
		Name: "csv",
		Doc: "text with a row a line, separated by commas, semicolons or tabs (CSV, TSV): columns of numbers, or one of lists " +
			"[0.1, 0.2], and a column of labels; --target COLUMN names it, --input COLUMN or PATTERN the features",
		match: isText,
		read:  readCSV,
	})
}

// isText reports whether the start of a file is UTF-8 text, of which the last character may be cut off, and not
// Parquet.
func isText(head []byte) bool {
	if bytes.HasPrefix(head, []byte(parquetMagic)) {
		return false
	}
	for cut := 0; cut < utf8.UTFMax && cut < len(head); cut++ {
		if utf8.Valid(head[:len(head)-cut]) {
			return bytes.IndexByte(head, 0) < 0
		}
	}
	return false
}

// csvFile is a text file that is being read. Its memory is at most four bytes for each two of the file, and the words
// of the labels.
type csvFile struct {
	rows  *csv.Reader
	line  int  // of the last row
	comma bool // is the decimal sign
	all   []column
	roles roles
	x     []float32
	dim   int
	words []string // labels
}

func readCSV(r io.ReaderAt, size int64, part Part) (*Set, error) {
	in := bufio.NewReader(io.NewSectionReader(r, 0, size))
	if mark, err := in.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
		_, _ = in.Discard(len(mark)) // the byte order mark of UTF-8, which is there
	}
	head, _ := in.Peek(headSize) // as much as there is
	if len(head) == 0 {
		return nil, errors.New("is empty")
	}
	comma := separator(head)
	f := &csvFile{rows: csv.NewReader(&narrowReader{in: in, separator: byte(comma)})}
	f.rows.Comma = comma
	f.rows.ReuseRecord, f.rows.TrimLeadingSpace = true, true
	f.comma = f.rows.Comma == ';' && !bytes.ContainsRune(head, '.')
	notes, err := f.start(part)
	if err != nil {
		return nil, err
	}
	for {
		row, err := f.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = f.add(row)
		}
		if err != nil {
			return nil, err
		}
	}
	labels, err := f.labels(part)
	if err != nil {
		return nil, err
	}
	return newSet("csv", f.x, f.dim, labels, notes...), nil
}

// maxColumns is how many columns a line may have: what is kept of one takes many times the byte that it may be in the
// file.
const maxColumns = 1 << 20

// narrowReader passes on text, and fails at a line of more than maxColumns columns.
type narrowReader struct {
	in        io.Reader
	separator byte
	line      int // lines before the one that is being read
	columns   int // of it, but the last
}

func (r *narrowReader) Read(b []byte) (int, error) {
	n, err := r.in.Read(b)
	for rest := b[:n]; len(rest) > 0; {
		line, after, ends := bytes.Cut(rest, []byte("\n"))
		if r.columns += bytes.Count(line, []byte{r.separator}); r.columns >= maxColumns {
			return 0, fmt.Errorf("line %d has more than %d columns", r.line+1, maxColumns)
		}
		if rest = after; ends {
			r.line, r.columns = r.line+1, 0
		}
	}
	return n, err
}

// separator returns the separator that is most frequent in the first line.
func separator(head []byte) rune {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	best := ','
	for _, c := range "\t;" {
		if bytes.Count(line, []byte(string(c))) > bytes.Count(line, []byte(string(best))) {
			best = c
		}
	}
	return best
}

// start reads the heading, if there is one, and the first row, and chooses columns by them.
func (f *csvFile) start(part Part) (notes []string, err error) {
	row, err := f.next()
	if err != nil {
		return nil, err
	}
	first := slices.Clone(row)
	second, err := f.next()
	hasSecond := err == nil
	if !hasSecond && !errors.Is(err, io.EOF) {
		return nil, err
	}
	heading := f.isHeading(first, second)
	describing := first
	if heading {
		if !hasSecond {
			return nil, errors.New("has a heading and no rows")
		}
		describing = second
	}
	for i, word := range describing {
		c := column{strconv.Itoa(i + 1), f.kindOf(word)}
		if heading {
			c.name = strings.TrimSpace(first[i])
		}
		f.all = append(f.all, c)
	}
	if heading {
		if twice := firstRepeated(f.all); twice != "" {
			return nil, fmt.Errorf("has two columns %q", twice)
		}
	}
	if f.roles, err = chooseColumns(f.all, part); err != nil {
		return nil, err
	}
	notes = append(notes, f.roles.note)
	if !heading {
		notes[0] += "; there is no heading, so columns are numbered from 1"
		if err := f.add(first); err != nil {
			return nil, err
		}
	}
	if hasSecond {
		return notes, f.add(second)
	}
	return notes, nil
}

// next returns the next row, which belongs to the reader.
func (f *csvFile) next() ([]string, error) {
	row, err := f.rows.Read()
	if err == nil {
		f.line, _ = f.rows.FieldPos(0)
	}
	return row, err
}

// isHeading reports whether the first row has the names of the columns: no numbers, or words where the second row has
// numbers, or the numbers of the columns beside the names of an index and of labels.
func (f *csvFile) isHeading(first, second []string) bool {
	numbers, consecutive := 0, true
	for i, word := range first {
		kind := f.kindOf(word)
		if i < len(second) && kind == textColumn && f.kindOf(second[i]) != textColumn {
			return true
		}
		if kind == textColumn && !arrays.IsLabelName(word) && !indexName.MatchString(word) {
			consecutive = false
		}
		if kind == numberColumn {
			n, err := strconv.Atoi(strings.TrimSpace(word))
			consecutive = consecutive && err == nil && n == numbers
			numbers++
		}
		if kind == listColumn {
			return false
		}
	}
	return numbers == 0 || consecutive && numbers > 1
}

func firstRepeated(all []column) string {
	seen := map[string]bool{}
	for _, c := range all {
		if c.name != "" && seen[c.name] {
			return c.name
		}
		seen[c.name] = true
	}
	return ""
}

// kindOf tells the kind of a column by a word of it.
func (f *csvFile) kindOf(word string) columnKind {
	word = strings.TrimSpace(word)
	if strings.HasPrefix(word, "[") && strings.HasSuffix(word, "]") {
		return listColumn
	}
	if _, err := f.number(word); err == nil {
		return numberColumn
	}
	return textColumn
}

func (f *csvFile) number(word string) (float64, error) {
	if f.comma {
		word = strings.Replace(word, ",", ".", 1)
	}
	return strconv.ParseFloat(strings.TrimSpace(word), 64)
}

// add takes a row, which belongs to the reader.
func (f *csvFile) add(row []string) error {
	before := len(f.x)
	for _, at := range f.roles.features {
		var err error
		if f.all[at].kind == listColumn {
			f.x, err = appendList(f.x, row[at])
		} else {
			var v float64
			v, err = f.number(row[at])
			f.x = append(f.x, float32(v))
		}
		if err != nil {
			return fmt.Errorf("line %d: column %q is %.40q, want %s", f.line, f.all[at].name, row[at], f.all[at].kind)
		}
	}
	switch n := len(f.x) - before; {
	case f.dim == 0:
		f.dim = n
	case n != f.dim:
		return fmt.Errorf("line %d has %d features, want %d as the rows before", f.line, n, f.dim)
	}
	if f.roles.label >= 0 {
		f.words = append(f.words, strings.Clone(strings.TrimSpace(row[f.roles.label])))
	}
	return nil
}

// appendList appends the numbers of a list such as [0.1, 0.2] or [0.1 0.2].
func appendList(x []float32, word string) ([]float32, error) {
	word = strings.TrimSpace(word)
	if len(word) < 2 || word[0] != '[' || word[len(word)-1] != ']' {
		return x, strconv.ErrSyntax
	}
	for item := range strings.FieldsFuncSeq(word[1:len(word)-1], func(r rune) bool {
		return r == ',' || r == ' ' || r == '\t' || r == '\n' || r == '\r'
	}) {
		v, err := strconv.ParseFloat(item, 64)
		if err != nil {
			return x, err
		}
		x = append(x, float32(v))
	}
	return x, nil
}

// labels returns the labels of all rows.
func (f *csvFile) labels(part Part) (*arrays.Labels, error) {
	if f.dim == 0 {
		return nil, errors.New("has no features")
	}
	if f.roles.label < 0 {
		return part.ownLabels(len(f.x) / f.dim)
	}
	labels, err := arrays.FromWords(f.words)
	if err != nil {
		return nil, fmt.Errorf("column %q: %w", f.all[f.roles.label].name, err)
	}
	return labels, nil
}
