package shapes

func init() { register(class{name: "bookshelf", build: bookshelf}) }

// bookshelf is an upright case of boards, with or without a back, partly filled.
func bookshelf(r *source) mesh {
	w, h, d := r.span(0.35, 0.95), 1.0, r.span(0.18, 0.4)
	board := r.span(0.015, 0.04)
	m := join(box(board, h, d).move(-w/2, 0, 0), box(board, h, d).move(w/2, 0, 0))
	if r.chance(0.6) {
		m = join(m, box(w, h, 0.01).move(0, 0, -d/2))
	}
	shelves := r.count(2, 5)
	gap := (h - board) / float64(shelves)
	fill := r.span(0, 0.7)
	for i := range shelves + 1 {
		y := gap * float64(i)
		m = join(m, box(w, board, d).move(0, y, 0))
		if i == shelves || !r.chance(fill) {
			continue
		}
		books := w * r.span(0.3, 0.9)
		m = join(m, box(books, gap*r.span(0.5, 0.85), d*r.span(0.5, 0.9)).move(r.side()*(w-books)/2*0.95, y+board, 0))
	}
	if r.chance(0.3) { // cupboard below
		m = join(m, box(w, gap, d))
	}
	return m
}
