package onnxmerge

import (
	"context"
	"fmt"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/pair"
)

// Action is what happens to one tensor.
type Action int

// The actions.
const (
	Merge  Action = iota + 1 // replaced by a mix of all models
	Copy                     // kept from the fine-tuned model
	Refuse                   // cannot be merged, and is not excluded either: the plan cannot be executed
)

func (a Action) String() string {
	switch a {
	case Merge:
		return "merge"
	case Copy:
		return "copy"
	case Refuse:
		return "refuse"
	}
	return fmt.Sprintf("action %d", int(a))
}

// MarshalText implements encoding.TextMarshaler: merge, copy or refuse.
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// Decision is what a plan does to one tensor of the fine-tuned model, and why.
type Decision struct {
	Tensor string     `json:"tensor"`
	Action Action     `json:"action"`
	Reason string     `json:"reason"`
	DType  onnx.DType `json:"dtype"`
	Dims   []int64    `json:"shape"`

	// Of merged tensors.
	From       string        `json:"from,omitempty"`       // the tensor of the pre-trained model that it is paired with
	How        pair.How      `json:"how,omitempty"`        // what proves the pair
	Among      int           `json:"among,omitempty"`      // candidates that structure alone leaves; see pair.Pair
	Transposed bool          `json:"transposed,omitempty"` // the pre-trained tensor has its axes in another order
	Folded     bool          `json:"folded,omitempty"`     // a normalisation is folded into one of the two in memory
	Params     method.Params `json:"params,omitempty"`     // of the method, complete
	Depth      float64       `json:"depth,omitempty"`      // see flow.Place; set if the parameters depend on it

	Advice string `json:"advice,omitempty"` // what to do about a refusal
}

// Options choose how to merge.
type Options struct {
	Method string        // a registered name; "" is "linear"
	Params method.Params // nil takes the method's defaults
	// Include and Exclude are globs over tensor IDs; * also matches slashes. If Include is not empty, only tensors that it
	// matches are merged. Tensors that Exclude matches are copied from the fine-tuned model.
	Include, Exclude []string
	// BackboneOutput names a value of the fine-tuned model. Weights that it does not depend on are copied. "" finds the
	// backbone: see [Backbone].
	BackboneOutput string
	// FoldNorms folds affine operators, such as BatchNormalization, that only one model has; without it weights before
	// them are refused.
	FoldNorms bool
	// Pairs are stated instead of found, with the first model.
	Pairs []GivenPair
	// Statistics says how running variances are mixed; "" is [Linear].
	Statistics Statistics
	// AllowNonfinite keeps the fine-tuned model's elements where an element is NaN or infinite in one of the models and
	// not the same in all; otherwise these are a [NonfiniteError].
	AllowNonfinite bool
	// RequireComplete refuses a plan that keeps weights before the head: see [Kept].
	RequireComplete bool
	// Set are parameters of single tensors; later ones win.
	Set []Override
	// Fisher are the diagonal Fisher informations of all models, in their order, for a
	// method that takes them.
	Fisher []*onnx.Model
	// Extrapolate accepts parameters beyond the range in which a method interpolates,
	// such as an alpha of 1.2.
	Extrapolate bool
	Workers     int   // goroutines that mix; 0 means 1. The output does not depend on it
	Memory      int64 // bytes that buffers may take together; 0 means 256 MiB. It limits Workers
}

// Plan is what a merge does to every tensor of the fine-tuned model. It is data: [Write] executes it, [Verify] compares
// a model with it, and [Diff] measures its pairs. These read the models, which must stay open. A Plan is safe for
// concurrent use.
type Plan struct {
	Method    method.Method `json:"-"`
	Params    method.Params `json:"params"`    // complete
	Decisions []Decision    `json:"decisions"` // in the order of the fine-tuned file
	OnlyA     []string      `json:"only_a"`    // tensors that only the pre-trained model has
	Unused    []string      `json:"unused"`    // the weights of OnlyA: floating-point tensors of more than one element
	Warnings  []string      `json:"warnings"`
	Backbone  Backbone      `json:"backbone"`
	Kept      Kept          `json:"kept"`
	Norms     Shrink        `json:"norms"` // of a linear interpolation of two models that mixes running variances linearly

	// Undecided is why running both models did not prove the pairs of [Plan.Doubtful]; "" if they were not run. The caller
	// sets it; the error of [Plan.Err] contains it.
	Undecided string `json:"undecided,omitempty"`

	planner *planner
}

// Backbone is what both models have, from the input on.
type Backbone struct {
	// Output is the value of the fine-tuned model that its head consumes: the features. It is "" if there is no head, or
	// if the head takes several values of the backbone.
	Output string   `json:"output"`
	Head   []string `json:"head"` // weights behind it, which are kept from the fine-tuned model
}

// MismatchError reports that models do not match. Reasons has one line per tensor or other finding; all of them, not
// only the first.
type MismatchError struct {
	Summary string
	Reasons []string
	// Provable means that running both models can decide every refused pair; see [Plan.Doubtful].
	Provable bool
	filtered bool // the patterns leave nothing to merge
}

func (e *MismatchError) Error() string {
	return strings.Join(append([]string{e.Summary}, e.Reasons...), "\n  ")
}

// Kind implements the kinds of package fault.
func (*MismatchError) Kind() fault.Kind { return fault.Mismatch }

// Hint names the flags that list the decisions and avoid refusals.
func (e *MismatchError) Hint() string {
	if e.filtered {
		return "see every tensor with --plan; change --include and --exclude"
	}
	if e.Provable {
		return "run both models to decide these pairs with --prove; see every tensor with --plan"
	}
	return "see every tensor with --plan; keep some from the fine-tuned model with --exclude PATTERN"
}

// NewPlan decides a merge of two or more models: the pre-trained one first, and last the fine-tuned one whose file is
// written, with which all others are paired. A tensor is merged if all models have it. NewPlan reads structure, the
// payloads that are compared instead of merged, such as integers, and samples of the others.
//
// Refused tensors are part of the plan: [Plan.Err] reports them, and [Write] returns that error.
func NewPlan(ctx context.Context, models []*onnx.Model, opt Options) (*Plan, error) {
	p, err := newPlanner(models, opt)
	if err != nil {
		return nil, err
	}
	if err := p.pair(ctx); err != nil {
		return nil, err
	}
	if err := p.joinFurther(ctx); err != nil {
		return nil, err
	}
	p.paired = paired{p.decisions, p.warnings}
	if err := p.decideParams(); err != nil {
		return nil, err
	}
	return p.plan(), nil
}

// With returns the plan of the same merge with other parameters. It does not pair the models again. Errors are those of
// [NewPlan].
func (p *Plan) With(params method.Params) (*Plan, error) {
	q := *p.planner
	q.opt.Params, q.measured = params, nil
	var err error
	if q.params, err = complete(q.method, q.opt, len(q.models)); err != nil {
		return nil, err
	}
	if err := q.decideParams(); err != nil {
		return nil, err
	}
	return q.plan(), nil
}

// Err returns a [*MismatchError] if the plan cannot be executed: tensors are refused, or none is merged; otherwise nil.
func (p *Plan) Err() error {
	mismatch := p.planner.mismatch()
	if mismatch == nil {
		return nil
	}
	if p.Undecided != "" {
		mismatch.Provable = false
		mismatch.Reasons = append(mismatch.Reasons, "running both models does not decide these pairs: "+p.Undecided)
	}
	return mismatch
}

// Count returns how many tensors have an action, and how many elements these have together.
func (p *Plan) Count(a Action) (tensors int, elements int64) { return p.planner.count(a) }
