package bench

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/metric"
)

// maxLargest is how many changed answers are described one by one.
const maxLargest = 12

// stripSeverities are those of the strip of one sample under every corruption.
var stripSeverities = []int{1, 3, 5}

// addChanges sets the answers by class, and what changed against the fine-tuned end.
func (b *builder) addChanges() error {
	v := b.changedModel()
	if v < 0 {
		return nil
	}
	c := newChangeCounter(b.spec, v, b.end(1))
	c.changes.Model = b.spec.Variants[v].ID
	if c.against >= 0 {
		c.changes.Against = b.spec.Variants[c.against].ID
	}
	for i := range b.spec.Tests[0].Cells {
		if err := b.countChanges(c, i); err != nil {
			return err
		}
	}
	b.result.Changes = c.finish()
	return nil
}

// changedModel returns the variant whose answers are described: the chosen one, else the one with which others are
// compared, else the only one; -1 if there is none.
func (b *builder) changedModel() int {
	if c := b.result.Chosen; c != nil {
		return slices.IndexFunc(b.spec.Variants, func(v unit.Variant) bool { return v.ID == c.ID })
	}
	if len(b.spec.Models()) == 1 {
		return 0
	}
	return b.against
}

// countChanges adds the answers under condition i.
func (b *builder) countChanges(c *changeCounter, i int) error {
	p, err := b.answered(c.model, i)
	if err != nil {
		return err
	}
	var q *given
	if c.against >= 0 {
		if q, err = b.answered(c.against, i); err == nil && !slices.Equal(p.y, q.y) {
			err = fmt.Errorf("%s: labels of two models differ", b.spec.Tests[0].Cells[i])
		}
		if err != nil {
			return err
		}
	}
	c.add(i, p, q)
	return nil
}

// given are a model's answers under one condition.
type given struct {
	y, class []int64
	margin   []float64 // of probabilities
}

func (b *builder) answered(v, cell int) (*given, error) {
	p, err := b.scores(v, unit.View{Role: unit.OnTest, Cell: cell})
	if err != nil {
		return nil, err
	}
	return &given{p.Y, p.Class, p.ProbMargins()}, nil
}

// changeCounter counts answers condition by condition.
type changeCounter struct {
	spec           *unit.Spec
	model, against int // variants; against is -1 without one
	columns        map[string]int
	changes        *result.Changes
	classes        map[int]*result.ClassAnswers
	confusion      map[[2]int]*result.Confused

	given         [][2]*given                  // by condition
	rescued, lost map[int]*result.SampleAnswer // by sample: the answer with the largest change
	differing     []int                        // by sample: answers that one model alone gave rightly
}

func newChangeCounter(s *unit.Spec, model, against int) *changeCounter {
	if against == model {
		against = -1
	}
	c := &changeCounter{spec: s, model: model, against: against, columns: map[string]int{"": 0}, changes: &result.Changes{},
		classes: map[int]*result.ClassAnswers{}, confusion: map[[2]int]*result.Confused{},
		rescued: map[int]*result.SampleAnswer{}, lost: map[int]*result.SampleAnswer{}}
	for i, name := range s.Settings.Corruptions {
		c.columns[name] = i + 1
	}
	return c
}

// add counts the answers under condition i. q is nil without a model to compare with.
func (c *changeCounter) add(i int, p, q *given) {
	cell := c.spec.Tests[0].Cells[i]
	change := &result.ConditionChange{Corruption: cell.Corruption, Severity: cell.Severity, N: len(p.y)}
	c.changes.Conditions = append(c.changes.Conditions, change)
	c.given = append(c.given, [2]*given{p, q})
	if c.differing == nil {
		c.differing = make([]int, len(p.y))
	}
	for s, y := range p.y {
		right := p.class[s] == y
		c.addClass(cell, int(y), int(p.class[s]), right, 0)
		if right {
			change.Right++
		}
		if q == nil {
			continue
		}
		rightBefore := q.class[s] == y
		c.addClass(cell, int(y), int(q.class[s]), rightBefore, 1)
		if right == rightBefore {
			continue
		}
		c.differing[s]++
		list, samples, n := c.rescued, &c.changes.Rescued, &change.Rescued
		if rightBefore {
			list, samples, n = c.lost, &c.changes.Lost, &change.Lost
		}
		*n++
		if cell.Corruption == "" {
			*samples = append(*samples, s)
		}
		if a := c.answer(i, s); list[s] == nil || shift(a) > shift(list[s]) {
			list[s] = a
		}
	}
}

// addClass counts an answer for a sample of class y by the model, which is 0, or the one that it is compared with, 1.
func (c *changeCounter) addClass(cell unit.Cell, y, prediction int, right bool, which int) {
	class := c.classes[y]
	if class == nil {
		n := len(c.columns)
		class = &result.ClassAnswers{Label: y, Of: make([]int, n), Model: make([]int, n)}
		if c.against >= 0 {
			class.Against = make([]int, n)
		}
		c.classes[y] = class
	}
	pair := c.confusion[[2]int{y, prediction}]
	if pair == nil {
		pair = &result.Confused{Label: y, Prediction: prediction}
		c.confusion[[2]int{y, prediction}] = pair
	}
	isClean := cell.Corruption == ""
	column, counts := c.columns[cell.Corruption], class.Model
	n := &pair.ModelCorrupted
	switch {
	case which == 0 && isClean:
		n = &pair.Model
		class.N++
	case which == 1 && isClean:
		n, counts = &pair.Against, class.Against
	case which == 1:
		n, counts = &pair.AgainstCorrupted, class.Against
	}
	*n++
	if which == 0 {
		class.Of[column]++
	}
	if right {
		counts[column]++
	}
}

// answer describes the answers for sample s under condition i.
func (c *changeCounter) answer(i, s int) *result.SampleAnswer {
	cell, p, q := c.spec.Tests[0].Cells[i], c.given[i][0], c.given[i][1]
	a := &result.SampleAnswer{Sample: s, Label: int(p.y[s]), Corruption: cell.Corruption, Severity: cell.Severity,
		Model: int(p.class[s]), Margin: result.Number(p.margin[s])}
	if q != nil {
		class, margin := int(q.class[s]), result.Number(q.margin[s])
		a.Against, a.AgainstMargin = &class, &margin
	}
	return a
}

// shift returns how much the margin changed.
func shift(a *result.SampleAnswer) float64 { return math.Abs(float64(a.Margin - *a.AgainstMargin)) }

// finish sets what depends on all conditions.
func (c *changeCounter) finish() *result.Changes {
	for _, label := range slices.Sorted(maps.Keys(c.classes)) {
		c.changes.Classes = append(c.changes.Classes, c.classes[label])
	}
	pairs := slices.SortedFunc(maps.Keys(c.confusion), func(a, b [2]int) int {
		return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
	})
	for _, pair := range pairs {
		c.changes.Confusion = append(c.changes.Confusion, c.confusion[pair])
	}
	c.changes.Largest = c.largest()
	c.changes.Strip = c.strip()
	if answers := c.changes.Pictured(); len(answers) > 0 {
		c.changes.Samples = string(samplesKey(c.spec, answers))
	}
	return c.changes
}

// largest returns the answers whose margin changed most: rescued ones first, then lost ones. A sample is in it once.
func (c *changeCounter) largest() []*result.SampleAnswer {
	rescued, lost := byShift(c.rescued), byShift(c.lost)
	half := min(len(rescued), max(maxLargest/2, maxLargest-len(lost)))
	list := slices.Clone(rescued[:half])
	for _, a := range lost {
		if len(list) < maxLargest && !slices.ContainsFunc(list, func(b *result.SampleAnswer) bool { return b.Sample == a.Sample }) {
			list = append(list, a)
		}
	}
	return list
}

func byShift(list map[int]*result.SampleAnswer) []*result.SampleAnswer {
	return slices.SortedFunc(maps.Values(list), func(a, b *result.SampleAnswer) int {
		return cmp.Or(cmp.Compare(shift(b), shift(a)), cmp.Compare(a.Sample, b.Sample))
	})
}

// strip returns the answers for one sample, clean and under every corruption; nil without corruptions.
func (c *changeCounter) strip() (list []*result.SampleAnswer) {
	if len(c.columns) == 1 || len(c.differing) == 0 {
		return nil
	}
	s := slices.Index(c.differing, slices.Max(c.differing))
	for i, cell := range c.spec.Tests[0].Cells {
		if cell.Corruption == "" || c.inStrip(cell.Severity) {
			list = append(list, c.answer(i, s))
		}
	}
	return list
}

// maxStrip bounds the pictures of a strip: of more corruptions, severity 3 alone is shown.
const maxStrip = 50

func (c *changeCounter) inStrip(severity int) bool {
	if len(stripSeverities)*(len(c.columns)-1) > maxStrip {
		return severity == metric.Severities/2+1
	}
	return slices.Contains(stripSeverities, severity)
}
