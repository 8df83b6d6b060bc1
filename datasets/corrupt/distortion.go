package corrupt

import "github.com/wiseft/wiseft/datasets"

// lattice is the number of control points along an axis.
const lattice = 5

func init() {
	Register(Corruption{
		Name: "distortion",
		Doc: "free-form deformation by a lattice of 5 x 5 x 5 control points that move at random, " +
			"then scale to the unit box",
		Source: modelNet40C + " and distortion.py, with PyGeM's FFD",
		Levels: [Severities]string{
			"moved by up to 0.1 of the box", "moved by up to 0.2 of the box", "moved by up to 0.3 of the box",
			"moved by up to 0.4 of the box", "moved by up to 0.5 of the box",
		},
		Choose: modelNet40CPoints,
		Cloud:  distortion,
	})
}

func distortion(rng Rand, severity int, c *Cloud) {
	limit := [...]float64{0.1, 0.2, 0.3, 0.4, 0.5}[severity-1]
	var move [3][lattice * lattice * lattice]float64
	for axis := range move {
		for i := range move[axis] {
			move[axis][i] = float64(rng.Float64()*2*limit) - limit
		}
	}
	for i, p := range c.Points {
		c.Points[i] = bend(p, &move)
	}
	c.normalize(datasets.UnitBox)
}

// bend moves a point p in the box from -1 to 1, with u = (p + 1) / 2, by
//
//	2 * sum over i, j, k of B_i(u_x) B_j(u_y) B_k(u_z) mu_ijk
//
// where B_i are the Bernstein polynomials of degree 4 and mu the control points' moves
// (Sederberg and Parry, SIGGRAPH 1986). Points outside the box stay.
func bend(p Point, move *[3][lattice * lattice * lattice]float64) (out Point) {
	var u Point
	for k := range p {
		u[k] = (p[k] + 1) / 2
		if u[k] < 0 || u[k] > 1 {
			return p
		}
	}
	x, y, z := bernstein(u[0]), bernstein(u[1]), bernstein(u[2])
	var sum Point
	for j := range lattice {
		for k := range lattice {
			yz := y[j] * z[k]
			for i := range lattice {
				weight := float64(x[i] * yz)
				for axis := range sum {
					sum[axis] += float64(weight * move[axis][(i*lattice+j)*lattice+k])
				}
			}
		}
	}
	for k := range out {
		out[k] = single(float64((sum[k]+u[k])*2) - 1)
	}
	return out
}

// bernstein returns the polynomials of degree 4 at u: binomial(4, i) u^i (1-u)^(4-i).
func bernstein(u float64) (out [lattice]float64) {
	v := 1 - u
	u2, v2 := u*u, v*v
	return [lattice]float64{v2 * v2, 4 * (v2 * v * u), 6 * (v2 * u2), 4 * (v * (u2 * u)), u2 * u2}
}
