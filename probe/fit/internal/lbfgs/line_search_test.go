package lbfgs

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/optimize"
)

func TestConvexSearch(t *testing.T) {
	t.Parallel()
	quadratic := func(s float64) (float64, float64) { return (s - 1) * (s - 1), 2 * (s - 1) }
	tests := []struct {
		name string
		phi  func(s float64) (value, derivative float64)
		step float64
		most int // trials
	}{
		{"first step fits", quadratic, 1, 1},
		{"step far too short", quadratic, 1e-3, 8},
		{"step far too long", quadratic, 1e3, 8},
		{"steep wall", func(s float64) (float64, float64) { return math.Exp(50*s) - 100*s, 50*math.Exp(50*s) - 100 }, 1, 20},
		{"overflow", func(s float64) (float64, float64) { return math.Exp(1e3*s) - 2e3*s, 1e3*math.Exp(1e3*s) - 2e3 }, 1, 25},
		// The decrease of 1e-12 is below the rounding of the value of 1e6; the derivative is exact.
		{"value is all noise", func(s float64) (float64, float64) {
			return 1e6 + 1e-8*math.Mod(s*7919, 1), 1e-12 * (s - 1)
		}, 0.5, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f0, d0 := tt.phi(0)
			s := &convexSearch{noise: valueNoise}
			s.Init(f0, d0, tt.step)
			step := tt.step
			for trial := 1; ; trial++ {
				value, derivative := tt.phi(step)
				op, next, err := s.Iterate(value, derivative)
				if err != nil {
					t.Fatal(err)
				}
				if op == optimize.MajorIteration {
					if trial > tt.most {
						t.Errorf("needs %d trials, want at most %d", trial, tt.most)
					}
					if derivative < 0.9*d0 || derivative > -0.8*d0 || value > f0+1e-12*math.Abs(f0) {
						t.Errorf("stops at %v with value %v, derivative %v after %v, %v", step, value, derivative, f0, d0)
					}
					return
				}
				step = next
			}
		})
	}
}

func TestConvexSearchGivesUp(t *testing.T) {
	t.Parallel()
	s := &convexSearch{noise: valueNoise}
	s.Init(1, -1, 1)
	for trial := 1; ; trial++ {
		if _, _, err := s.Iterate(2, -1); err != nil {
			if trial != maxTrials {
				t.Errorf("gives up after %d trials, want %d", trial, maxTrials)
			}
			return
		}
	}
}
