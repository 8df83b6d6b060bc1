package result

// Landscape is the loss of validation data on the plane through the pre-trained, the fine-tuned and a third model
// (Garipov et al., Loss surfaces, mode connectivity, and fast ensembling of DNNs, NeurIPS 2018, section 3). With theta_0,
// theta_1 and theta_2 the three models' merged tensors as one vector each, the axes are made by Gram-Schmidt:
// u = theta_1 - theta_0, v = theta_2 - theta_0 - <theta_2 - theta_0, u> / <u, u> u, and the point (x, y) is
// theta_0 + x u / |u| + y v / |v|. Other than there, running statistics are coordinates, too, and are mixed by the rule of
// the sweep instead of being measured again at every point; with a probe, the probe is fitted again at every point.
type Landscape struct {
	Third  string           `json:"third"`           // the third model: a file, or the ID of a repaired mix
	Head   string           `json:"head"`            // whose loss it is: "probe" or "own"
	Train  int              `json:"train,omitempty"` // samples that probes are fitted on
	N      int              `json:"n"`               // validation samples
	Data   string           `json:"data"`            // the validation set's name
	Side   int              `json:"side"`            // points of a side of the grid
	Points []LandscapePoint `json:"points"`
	// Barrier is of the line between the pre-trained and the fine-tuned model, on the same samples.
	Barrier *LossBarrier `json:"barrier"`
}

// LandscapePoint is a point of the plane. X and Y are distances in weight space from the pre-trained model.
type LandscapePoint struct {
	ID   string  `json:"id"`
	Kind string  `json:"kind"` // PathPoint, ThirdPoint or GridPoint
	X    float64 `json:"x"`
	Y    float64 `json:"y"`
	// Alpha is the share of the fine-tuned model of a PathPoint; nil for others.
	Alpha    *float64 `json:"alpha,omitempty"`
	Loss     Number   `json:"loss"` // mean negative log-likelihood, in nats
	Accuracy Number   `json:"accuracy"`
}

// The kinds of points.
const (
	PathPoint  = "path"  // on the line between the pre-trained and the fine-tuned model, ends included
	ThirdPoint = "third" // the third model
	GridPoint  = "grid"  // of the grid, row by row from below, each from left to right
)

// LossBarrier is how far the loss on the line between two models rises above the straight line between the losses of its
// ends, at most: max over alpha of L(alpha) - (1-alpha) L(0) - alpha L(1). It is 0 if it does not rise.
type LossBarrier struct {
	Loss  Number  `json:"loss"`
	Alpha float64 `json:"alpha"` // where
}

// Of returns the points of a kind, in their order.
func (l *Landscape) Of(kind string) (list []LandscapePoint) {
	for _, p := range l.Points {
		if p.Kind == kind {
			list = append(list, p)
		}
	}
	return list
}

// SetBarrier sets Barrier by the losses of the path; nil unless both ends have one.
func (l *Landscape) SetBarrier() {
	l.Barrier = nil
	var ends [2]Number
	found := 0
	path := l.Of(PathPoint)
	for _, p := range path {
		if a := *p.Alpha; (a == 0 || a == 1) && p.Loss.Known() {
			ends[int(a)] = p.Loss
			found++
		}
	}
	if found != len(ends) {
		return
	}
	l.Barrier = &LossBarrier{}
	for _, p := range path {
		a := Number(*p.Alpha)
		if rise := p.Loss - (1-a)*ends[0] - a*ends[1]; rise.Known() && rise > l.Barrier.Loss {
			l.Barrier.Loss, l.Barrier.Alpha = rise, *p.Alpha
		}
	}
}
