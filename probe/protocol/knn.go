package protocol

import "github.com/wiseft/wiseft/probe/fit"

func init() {
	Register(Protocol{Name: "knn", Doc: "the five nearest training samples, each with one vote", NeedsTest: true, Tasks: []Task{
		scored("5", "kNN", fit.Options{Solver: "knn", Neighbors: fit.DefaultNeighbors}),
	}})
}
