package picture

// Normalize returns points in the frame: its centre is 0, and its radius 1.
func (f Frame) Normalize(points []float32) []float32 {
	radius := f.Radius
	if radius == 0 {
		radius = 1
	}
	list := make([]float32, len(points))
	for i, v := range points {
		list[i] = float32((float64(v) - f.Center[i%3]) / radius)
	}
	return list
}

// UnitFrame is that of points which [Frame.Normalize] has returned.
var UnitFrame = Frame{Radius: 1}

// The mean and standard deviation by which images for networks of ImageNet are normalised.
var (
	imageNetMean = [3]float32{0.485, 0.456, 0.406}
	imageNetStd  = [3]float32{0.229, 0.224, 0.225}
)

// Displayed returns the values of an image, [3 height width], from 0 to 1: as they are, without ImageNet's normalisation
// if that leads there, or else stretched from the least to the largest.
func Displayed(x []float32) []float32 {
	const rounding = 0.01
	isUnit := func(low, high float32) bool { return low >= -rounding && high <= 1+rounding }
	low, high := bounds(x)
	if isUnit(low, high) || high <= low {
		return x
	}
	plane := len(x) / 3
	list := make([]float32, len(x))
	for i, v := range x {
		k := min(i/max(plane, 1), 2)
		list[i] = v*imageNetStd[k] + imageNetMean[k]
	}
	if isUnit(bounds(list)) {
		return list
	}
	for i, v := range x {
		list[i] = (v - low) / (high - low)
	}
	return list
}

func bounds(x []float32) (low, high float32) {
	for i, v := range x {
		if i == 0 || v < low {
			low = v
		}
		if i == 0 || v > high {
			high = v
		}
	}
	return low, high
}
