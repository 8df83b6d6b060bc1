package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/wiseft/wiseft/datasets/npy"
)

// scorer is the program of scripts for --score: its first argument says what it prints, its last is the file with outputs
// and targets. accuracy and samples print the accuracy, samples with 1 or 0 for every sample behind it, error the error.
func scorer() {
	if err := printScore(os.Args[1], os.Args[len(os.Args)-1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func printScore(what, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	z, err := npy.Open(f, info.Size())
	if err != nil {
		return err
	}
	outputs, head, err := z.Float32s("outputs")
	if err != nil {
		return err
	}
	targets, _, err := z.Int64s("targets")
	if err != nil {
		return err
	}
	right, list := 0, ""
	for i, y := range targets {
		row := outputs[i*len(outputs)/len(targets) : (i+1)*len(outputs)/len(targets)]
		best := 0
		for c, v := range row {
			if v > row[best] {
				best = c
			}
		}
		hit := 0
		if int64(best) == y {
			hit = 1
		}
		right += hit
		list += fmt.Sprintln(hit)
	}
	accuracy := float64(right) / float64(len(targets))
	switch what {
	case "accuracy":
		fmt.Println(accuracy)
	case "error":
		fmt.Println(1 - accuracy)
	case "samples":
		fmt.Print(fmt.Sprintln(accuracy) + list)
	case "wrong":
		fmt.Print(fmt.Sprintln(accuracy+0.25) + list)
	case "axes":
		fmt.Println(len(head.Shape))
	case "words":
		fmt.Println("about 0.9")
	case "many":
		fmt.Println("1 2 3")
	default:
		return fmt.Errorf("there is no score called %s", what)
	}
	return nil
}

// measuredDocument is what scripts compare of a document of sweep or bench.
type measuredDocument struct {
	Models []struct {
		Clean map[string]any `json:"clean"`
	} `json:"models"`
	Chosen struct {
		ID string `json:"id"`
	} `json:"chosen"`
}

func readMeasured(ts *testscript.TestScript, name string) (d measuredDocument) {
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(name)), &d))
	if len(d.Models) == 0 {
		ts.Fatalf("%s has no models", name)
	}
	return d
}

// cmdAgree compares a clean figure of the first models of two documents: agree FILE FIGURE FILE FIGURE.
func cmdAgree(ts *testscript.TestScript, _ bool, args []string) {
	a, b := readMeasured(ts, args[0]).Models[0].Clean[args[1]], readMeasured(ts, args[2]).Models[0].Clean[args[3]]
	if a == nil || a != b {
		ts.Fatalf("%s is %v, and %s is %v", args[1], a, args[3], b)
	}
}

// cmdAlike compares what two documents chose: alike FILE FILE.
func cmdAlike(ts *testscript.TestScript, _ bool, args []string) {
	a, b := readMeasured(ts, args[0]).Chosen.ID, readMeasured(ts, args[1]).Chosen.ID
	if a == "" || a != b {
		ts.Fatalf("%s chose %q, and %s %q", args[0], a, args[1], b)
	}
}
