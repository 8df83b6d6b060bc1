package method

// agreement is how near a method is to its reference implementations, which compute in
// float32. TestReferences measures it on their outputs for made-up tensors.
type agreement struct {
	ulp    float64 // the largest distance, in units of the last place of the largest number that enters an element
	within float64 // percentage of the numbers within one unit of the last place of the result itself, rounded down
	why    string  // there is more than one unit
}

// Why results of float32 arithmetic are more than one unit away.
const (
	terms  = "theirs rounds every term and sum"
	ratio  = "theirs rounds every term, and the ratio of two sums over a tensor"
	angles = "theirs rounds lengths and angles"
	steps  = "theirs stops where float32 cannot tell distances apart"
	solves = "theirs decomposes matrices in float32"
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
