package metric

// ErrorRates are the error rates of a classifier under a whole suite of corruptions: the measure of ModelNet40-C (Sun
// et al., Benchmarking Robustness of 3D Point Cloud Recognition Against Common Corruptions, 2022), which has no
// reference classifier and treats occlusion and lidar, whose severities are views, as any other. Figures are shares;
// the paper prints percent.
type ErrorRates struct {
	Clean       float64            // error on clean data, not part of Mean
	Corruptions map[string]float64 // mean of the error over the five severities
	Mean        float64            // mean over corruptions and severities
}

// NewErrorRates computes error rates from the OA on clean data and that of each of the suite's corruptions at
// severities 1 to 5. corruptions lists them in the order in which they are summed. A suite that is not whole is a
// [PartialError].
func NewErrorRates(
	suite string, corruptions []string, clean float64, bySeverity map[string][]float64,
) (ErrorRates, error) {
	whole := Reference{Name: suite, Corruptions: corruptions}
	if err := whole.checkWhole(clean, bySeverity); err != nil {
		return ErrorRates{}, err
	}
	res := ErrorRates{Clean: 1 - clean, Corruptions: make(map[string]float64, len(corruptions))}
	for _, name := range corruptions {
		sum := 0.0
		for _, oa := range bySeverity[name] {
			sum += 1 - oa
		}
		res.Corruptions[name] = sum / Severities
		res.Mean += sum
	}
	res.Mean /= float64(len(corruptions) * Severities)
	return res, nil
}
