package wiseft_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/probe/report"
)

// The whole procedure: merge over a grid of alpha, fit a probe on each merged model's features, choose alpha on
// validation data, and measure all on clean and corrupted test data.
func Example() {
	run, err := wiseft.Sweep(context.Background(), []string{"pretrained.onnx", "finetuned.onnx"}, wiseft.SweepOptions{
		Alphas: []float64{0, 0.5, 1},
		MeasureOptions: wiseft.MeasureOptions{
			Train:       wiseft.Data{Path: "train.npz"},
			Val:         wiseft.Validation{Sets: []wiseft.NamedData{{Data: wiseft.Data{Path: "val.npz"}}}},
			Tests:       []wiseft.Data{{Path: "test.npz"}},
			Corruptions: []string{"jitter", "rotate"},
			Severities:  []int{1, 3},
			Run:         wiseft.RunOptions{Folder: "run"},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range run.Models {
		fmt.Println(m.ID, "scored on", m.Clean.N, "scans, clean and under", len(m.Corruptions), "corruptions")
	}
	fmt.Println("alpha was chosen:", run.Chosen != nil)
	// Output:
	// alpha=0 scored on 24 scans, clean and under 2 corruptions
	// alpha=0.5 scored on 24 scans, clean and under 2 corruptions
	// alpha=1 scored on 24 scans, clean and under 2 corruptions
	// alpha was chosen: true
}

// Merge, verify, train a probe on the merged model's features, and make it the model's head.
func ExampleMerge() {
	ctx := context.Background()
	models, opt := []string{"pretrained.onnx", "finetuned.onnx"}, wiseft.MergeOptions{Params: map[string]any{"alpha": 0.6}}
	if _, err := wiseft.Merge(ctx, "merged.onnx", models, opt, wiseft.WriteOptions{}); err != nil {
		log.Fatal(err)
	}
	if _, err := wiseft.Verify(ctx, "merged.onnx", wiseft.VerifyOptions{All: true}); err != nil {
		log.Fatal(err)
	}
	if _, err := wiseft.WriteFeatures(ctx, "features.npz", "merged.onnx",
		wiseft.FeaturesOptions{Data: wiseft.Data{Path: "train.npz"}}); err != nil {
		log.Fatal(err)
	}
	if _, err := wiseft.Fit(ctx, "probe.npz", "features.npz", wiseft.FitOptions{}); err != nil {
		log.Fatal(err)
	}
	if _, err := wiseft.Attach(ctx, "classifier.onnx", "merged.onnx", "probe.npz", wiseft.AttachOptions{}); err != nil {
		log.Fatal(err)
	}
	// Output:
}

// A model is open while its tensors are read.
func ExampleOpen() {
	m, err := wiseft.Open("finetuned.onnx")
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	features, err := m.Features("")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(m.Tensors), "tensors, features:", features)
	// Output: 35 tensors, features: features
}

// A plan has the action and the reason for every tensor of a merge, before anything is written.
func ExamplePlanMerge() {
	plan, err := wiseft.PlanMerge(context.Background(), []string{"pretrained.onnx", "finetuned.onnx"},
		wiseft.MergeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer plan.Close()
	d := plan.Decisions[len(plan.Decisions)-1]
	fmt.Println(d.Action, d.Tensor, "-", d.Reason)
	fmt.Println(plan.Describe().Tensors.Merged, "tensors are merged; error:", plan.Err())
	// Output:
	// merge head.bias - paired by structure
	// 34 tensors are merged; error: <nil>
}

// The pairs of weights of two models, and the distance between the models.
func ExampleDiff() {
	d, err := wiseft.Diff(context.Background(), "pretrained.onnx", "finetuned.onnx", wiseft.MergeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %d pairs, cosine %.2f\n", d.Verdict, len(d.Pairs), *d.Cosine)
	// Output: mergeable: 34 pairs, cosine 0.87
}

// Any tensor of a model, over any data set that package datasets reads.
func ExampleExtractFeatures() {
	f, err := wiseft.ExtractFeatures(context.Background(), "finetuned.onnx", wiseft.FeaturesOptions{
		Data:   wiseft.Data{Path: "test.npz", Points: 64},
		Tensor: "features",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(f.Len(), "samples of", f.Dim, "values,", len(f.Meta.Data.Classes), "classes")
	// Output: 24 samples of 128 values, 4 classes
}

// A probe is fitted to its optimum and scored with intervals.
func ExampleFit() {
	ctx := context.Background()
	for _, split := range []string{"train", "test"} {
		opt := wiseft.FeaturesOptions{Data: wiseft.Data{Path: split + ".npz"}, Force: true}
		if _, err := wiseft.WriteFeatures(ctx, "f-"+split+".npz", "finetuned.onnx", opt); err != nil {
			log.Fatal(err)
		}
	}
	r, err := wiseft.Fit(ctx, "p.npz", "f-train.npz", wiseft.FitOptions{Cs: []float64{0.1, 1, 10}, Folds: 3, Force: true})
	if err != nil {
		log.Fatal(err)
	}
	s, err := wiseft.Score("p.npz", "f-test.npz", wiseft.ScoreOptions{Resamples: 100})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(r.Path), "values of C tried, converged:", r.Converged)
	fmt.Println(s.N, "samples scored, with intervals:", s.Intervals != nil)
	// Output:
	// 3 values of C tried, converged: true
	// 24 samples scored, with intervals: true
}

// Models as they are, under one corruption.
func ExampleBench() {
	b, err := wiseft.Bench(context.Background(), []string{"pretrained.onnx", "finetuned.onnx"}, wiseft.MeasureOptions{
		Train:       wiseft.Data{Path: "train.npz"},
		Tests:       []wiseft.Data{{Path: "test.npz"}},
		Corruptions: []string{"jitter"},
		Severities:  []int{2},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range b.Models {
		fmt.Println(m.ID, len(m.Corruptions))
	}
	// Output:
	// pretrained.onnx 1
	// finetuned.onnx 1
}

// Of several models, those are averaged that make the average better on validation data.
func ExampleSoup() {
	s, err := wiseft.Soup(context.Background(), "soup.onnx", []string{"finetuned.onnx", "pretrained.onnx"},
		wiseft.SoupOptions{
			Train: wiseft.Data{Path: "train.npz"},
			Val:   wiseft.Validation{Sets: []wiseft.NamedData{{Data: wiseft.Data{Path: "val.npz"}}}},
			Write: wiseft.WriteOptions{Force: true},
		})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(s.Candidates), "candidates; the soup is in", s.Output)
	// Output: 2 candidates; the soup is in soup.onnx
}

// A report of a run's result, as Markdown.
func ExampleReadResult() {
	ctx := context.Background()
	_, err := wiseft.Bench(ctx, []string{"finetuned.onnx"}, wiseft.MeasureOptions{
		Train: wiseft.Data{Path: "train.npz"}, Tests: []wiseft.Data{{Path: "test.npz"}}, Suite: "none",
		Run: wiseft.RunOptions{Folder: "bench"},
	})
	if err != nil {
		log.Fatal(err)
	}
	r, err := wiseft.ReadResult("bench")
	if err != nil {
		log.Fatal(err)
	}
	page, err := os.Create("report.md")
	if err != nil {
		log.Fatal(err)
	}
	defer page.Close()
	if err := report.Write(page, "markdown", r); err != nil {
		log.Fatal(err)
	}
	fmt.Println("one model of", r.Schema)
	// Output: one model of wiseft.bench/1
}
