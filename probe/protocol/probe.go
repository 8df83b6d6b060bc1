package protocol

import "github.com/wiseft/wiseft/probe/fit"

func init() {
	Register(Protocol{Name: "probe", Doc: "multinomial logistic regression with C 1, to its optimum", NeedsTest: true,
		Tasks: []Task{scored("logistic", "probe", fit.Options{Solver: fit.DefaultSolver, C: fit.DefaultC})}})
}
