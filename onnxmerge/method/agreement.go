package method

// agreement is the measured agreement of a method with its reference implementations, which compute in float32.
// TestReferences measures it on synthetic tensors.
type agreement struct {
	ulp    float64 // largest difference, in units in the last place (ULP) of the largest operand of an element
	within float64 // percentage of the elements within one ULP of the result, rounded down
	why    string  // cause of larger differences
}

// Causes of differences of more than one unit.
const (
	terms  = "the reference rounds every term and sum"
	ratio  = "the reference rounds every term, and the ratio of two sums over a tensor"
	angles = "the reference rounds lengths and angles"
	steps  = "the reference stops where float32 does not resolve distances"
	solves = "the reference decomposes matrices in float32"
)

var agreements = map[string]agreement{
	"arcee_fusion":     {1, 99, ""},
	"breadcrumbs":      {3, 94, terms},
	"breadcrumbs_ties": {3, 94, terms},
	"dare_linear":      {10, 93, ratio},
	"dare_ties":        {5, 92, ratio},
	"della":            {6, 91, ratio},
	"della_linear":     {5, 90, ratio},
	"fisher":           {4, 96, terms},
	"geometric_median": {1183, 85, steps},
	"iso_c":            {95, 46, solves},
	"iso_cts":          {575, 27, solves},
	"karcher":          {3, 90, angles},
	"linear":           {2, 99, terms},
	"lines":            {2, 97, terms},
	"model_stock":      {7, 96, angles},
	"multislerp":       {17, 85, angles},
	"nearswap":         {2, 99, terms},
	"nuslerp":          {20, 94, angles},
	"ram":              {2, 96, terms},
	"ramplus_tl":       {2, 96, terms},
	"sce":              {3, 95, terms},
	"slerp":            {3, 96, angles},
	"task_arithmetic":  {3, 96, terms},
	"ties":             {2, 96, terms},
	"ties_per_tensor":  {5, 95, terms},
	"tsv":              {726, 35, solves},
	"uniform_soup":     {2, 98, terms},
}
