package shapes

import "math"

func init() { register(class{name: "guitar", build: guitar}) }

// guitar stands upright: a waisted flat body, a neck and a head.
func guitar(r *source) mesh {
	const corners = 20
	length, width := r.span(0.38, 0.5), r.span(0.26, 0.4)
	waist, taper := r.span(0.1, 0.3), r.span(0.05, 0.25)
	var outline [][2]float64
	for i := range corners {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / corners)
		half := width / 2 * (1 - waist*(1-sin*sin) - taper*sin)
		outline = append(outline, [2]float64{half * cos, length / 2 * (1 + sin)})
	}
	deep := r.span(0.03, 0.12)
	body := prism(deep, outline...)
	neck := box(r.span(0.04, 0.07), 0.9-length, 0.03).move(0, length*0.95, deep/2)
	head := box(r.span(0.07, 0.12), r.span(0.1, 0.16), 0.03).pitch(-r.span(0, 0.3)).move(0, 0.88, deep/2)
	return join(body, neck, head)
}
