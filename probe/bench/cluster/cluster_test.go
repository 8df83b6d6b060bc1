package cluster

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/text"
	"go.yaml.in/yaml/v3"
)

func TestFiles(t *testing.T) {
	t.Parallel()
	job := Job{Command: []string{"wiseft", "bench", "a b.onnx", "-o", "run"}, Run: "run", Name: "bench", Shards: 3,
		CPUs: 2}
	for name, want := range map[string]map[string][]string{ // lines by file
		"slurm": {
			"bench.sbatch": {"#SBATCH --array=1-3", "#SBATCH --mem=8G",
				"wiseft bench 'a b.onnx' -o run --shard auto --steal &"},
			"bench-collect.sbatch": {"exec wiseft collect run"},
		},
		"k8s": {"bench.yaml": {"  completions: 3", "          image: wiseft",
			`          command: ["wiseft", "bench", "a b.onnx", "-o", "run"]`}},
	} {
		scheduler, err := Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		files, err := scheduler.Files(job)
		if err != nil || len(files) != len(want) {
			t.Fatalf("%s: %d files (%v), want %d", name, len(files), err, len(want))
		}
		for _, f := range files {
			lines := strings.Split(f.Text, "\n")
			for _, line := range want[f.Name] {
				if !slices.Contains(lines, line) {
					t.Errorf("%s lacks the line %q:\n%s", f.Name, line, f.Text)
				}
			}
			if strings.Contains(f.Text, "#SBATCH --time") {
				t.Errorf("%s has a time limit, which the job does not:\n%s", f.Name, f.Text)
			}
		}
		for _, change := range []func(*Job){
			func(j *Job) { j.Command = nil },
			func(j *Job) { j.Command = append(j.Command, "--shard=1/2") },
			func(j *Job) { j.Run = "" },
			func(j *Job) { j.Name = "Bench" },
			func(j *Job) { j.Shards = 0 },
			func(j *Job) { j.CPUs = 0 },
			func(j *Job) { j.AtOnce = -1 },
			func(j *Job) { j.Run += "\nrm -rf x" },
			func(j *Job) { j.Memory = "8Gi\n#SBATCH --uid=0" },
			func(j *Job) { j.Time = "1\r2" },
			func(j *Job) { j.Partition = "a\x1b[2J" },
			func(j *Job) { j.Image = "a\n          privileged: true" },
			func(j *Job) { j.Claim = "a\u2028b" },
			func(j *Job) { j.Command = append(j.Command, "x\ny") },
		} {
			bad := job
			bad.Command = slices.Clone(job.Command)
			change(&bad)
			if _, err := scheduler.Files(bad); fault.KindOf(err) != fault.Usage {
				t.Errorf("%s: %+v: got %v, want an error of kind usage", name, bad, err)
			}
		}
	}
	if _, err := Lookup("cron"); fault.KindOf(err) != fault.Usage {
		t.Errorf("cron: got %v, want an error of kind usage", err)
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"a/b-1.onnx": "a/b-1.onnx", "a b": "'a b'", "it's": `'it'\''s'`, "": "''", "$(x)": "'$(x)'",
	} {
		if got := text.ShellWord(word); got != want {
			t.Errorf("%q: got %s, want %s", word, got, want)
		}
	}
}

// Whatever the values of a job are, they are read from its files as they are, and nothing else is.
func TestValuesStayValues(t *testing.T) {
	t.Parallel()
	odd := []string{"plain", "a b", `q"q`, "it's", "true", "~", "1e3", "$(HOME)", "$HOME", "$$(X)", "`id`", "{a: b}", "# x",
		"a: b", "- x", "*", "&a", "!!int 3", `back\slash`, "é", strings.Repeat("long word ", 40), ""}
	for _, value := range odd {
		if value == "" {
			continue
		}
		job := Job{Command: append([]string{"wiseft", "bench"}, odd...), Run: value, Name: "n", Shards: 3, CPUs: 2, GPUs: 1,
			Memory: value, Time: value, Partition: value, Image: value, Claim: value}
		k8s, err := schedulers[1].Files(job)
		if err != nil {
			t.Fatal(err)
		}
		checkPod(t, k8s[0].Text, job)
		slurm, err := schedulers[0].Files(job)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range slurm {
			for line := range strings.Lines(f.Text) {
				if of, ok := strings.CutPrefix(line, "#SBATCH --partition="); ok && unquoted(t, of) != value {
					t.Errorf("%s: the partition %q is read from %s", f.Name, value, line)
				}
			}
		}
		script := strings.ReplaceAll(slurm[1].Text, "exec wiseft", "printf '%s.'")
		if got, err := exec.Command("bash", "-c", script).Output(); err != nil || string(got) != "collect."+value+"." {
			t.Errorf("a shell reads %q as %q (%v)", value, got, err)
		}
	}
}

// checkPod compares the fields of a Kubernetes job with what it was made from.
func checkPod(t *testing.T, text string, job Job) {
	t.Helper()
	type resources struct {
		Memory string
		GPU    string `yaml:"nvidia.com/gpu"`
	}
	var doc struct {
		Spec struct {
			Completions int
			Template    struct {
				Spec struct {
					Containers []struct {
						Image     string
						Command   []string
						Resources struct{ Limits resources }
					}
					Volumes []struct {
						Claim struct {
							Name string `yaml:"claimName"`
						} `yaml:"persistentVolumeClaim"`
					}
				}
			}
		}
	}
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	pod := doc.Spec.Template.Spec
	c := pod.Containers[0]
	for i, word := range c.Command { // as Kubernetes expands it
		if variable := regexp.MustCompile(`(^|[^$])(\$\$)*\$\(`); variable.MatchString(word) {
			t.Errorf("Kubernetes expands a variable in %q", word)
		}
		c.Command[i] = strings.ReplaceAll(word, "$$", "$")
	}
	if !slices.Equal(c.Command, job.Command) || c.Image != job.Image || c.Resources.Limits != (resources{job.Memory, "1"}) ||
		pod.Volumes[0].Claim.Name != job.Claim || doc.Spec.Completions != job.Shards {
		t.Errorf("%+v is read as %+v", job, doc)
	}
}

// unquoted reads the value of an option as sbatch does.
func unquoted(t *testing.T, text string) string {
	t.Helper()
	text = strings.TrimSuffix(text, "\n")
	inner, quoted := strings.CutPrefix(text, `"`)
	if !quoted {
		if strings.ContainsAny(text, " \t'#\\") {
			t.Errorf("sbatch splits %s", text)
		}
		return text
	}
	inner = strings.TrimSuffix(inner, `"`)
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(inner)
}

func TestParseShare(t *testing.T) {
	t.Parallel()
	environment := func(text string) func(string) string {
		return func(name string) string {
			for _, pair := range strings.Fields(text) {
				if key, value, _ := strings.Cut(pair, "="); key == name {
					return value
				}
			}
			return ""
		}
	}
	for _, tt := range []struct {
		text, env    string
		index, count int
	}{
		{"", "SLURM_ARRAY_TASK_ID=3 SLURM_ARRAY_TASK_COUNT=8", 0, 0}, // an array may be for something else
		{"1/8", "", 0, 8},
		{"8/8", "", 7, 8},
		{"auto", "SLURM_ARRAY_TASK_ID=3 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_COUNT=8", 2, 8},
		{"auto", "SLURM_ARRAY_TASK_ID=14 SLURM_ARRAY_TASK_MIN=10 SLURM_ARRAY_TASK_STEP=2 SLURM_ARRAY_TASK_COUNT=5", 2, 5},
		{"auto/4", "JOB_COMPLETION_INDEX=0", 0, 4},
		{"auto/4", "PARALLEL_SEQ=4", 3, 4},
	} {
		got, err := ParseShare(tt.text, environment(tt.env))
		if err != nil || got.Index != tt.index || got.Count != tt.count {
			t.Errorf("%q with %q: got %+v (%v), want %d of %d", tt.text, tt.env, got, err, tt.index, tt.count)
		}
	}
	for text, env := range map[string]string{
		"0/8": "", "9/8": "", "8": "", "a/b": "", "1/0": "", "auto": "", "auto/0": "", "auto/": "",
		"auto/3": "JOB_COMPLETION_INDEX=3", "auto/2": "SLURM_ARRAY_TASK_ID=x",
	} {
		if got, err := ParseShare(text, environment(env)); err == nil {
			t.Errorf("%q with %q: got %+v, want an error", text, env, got)
		}
	}
	_, err := ParseShare("auto", environment("JOB_COMPLETION_INDEX=1"))
	if err == nil || !strings.Contains(err.Error(), "no variable has the number of shares") {
		t.Errorf("no count: %v", err)
	}
}
