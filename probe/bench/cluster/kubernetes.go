package cluster

import (
	"bytes"
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"github.com/wiseft/wiseft/internal/text"
	"go.yaml.in/yaml/v3"
)

// jobYAML is a job whose values are those of no job in particular.
//
//go:embed job.yaml
var jobYAML []byte

// kubernetesJob returns the document of an Indexed Job. The YAML library writes all values.
func kubernetesJob(j Job) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(jobYAML, &doc); err != nil {
		return nil, fmt.Errorf("cluster: the embedded job: %w", err)
	}
	doc.Content[0].HeadComment = fmt.Sprintf("# %d workers share a run in %s on the volume %s, which must be ReadWriteMany\n"+
		"# where they run on several nodes. The last one makes the result. Made by wiseft submit k8s.\n"+
		"#   kubectl apply -f %[4]s.yaml && kubectl wait --for=condition=complete --timeout=-1s job/%[4]s",
		j.Shards, text.ShellWord(j.Run), text.ShellWord(j.Claim), j.Name)
	atOnce := j.AtOnce
	if atOnce == 0 {
		atOnce = j.Shards
	}
	root := doc.Content[0]
	spec := field(root, "spec")
	pod := field(spec, "template", "spec")
	container := field(pod, "containers").Content[0]
	resources := field(container, "resources")
	field(root, "metadata", "name").SetString(j.Name)
	setInt(field(spec, "completions"), j.Shards)
	setInt(field(spec, "parallelism"), atOnce)
	field(container, "image").SetString(j.Image)
	field(container, "env").Content[0].Content[3].SetString("auto/" + strconv.Itoa(j.Shards))
	setText(field(resources, "requests", "cpu"), strconv.Itoa(j.CPUs))
	field(resources, "requests", "memory").SetString(j.Memory)
	field(resources, "limits", "memory").SetString(j.Memory)
	if j.GPUs > 0 {
		name, count := &yaml.Node{}, &yaml.Node{}
		name.SetString("nvidia.com/gpu")
		setText(count, strconv.Itoa(j.GPUs))
		limits := field(resources, "limits")
		limits.Content = append(limits.Content, name, count)
	}
	field(pod, "volumes").Content[0].Content[3].Content[1].SetString(j.Claim)
	command := field(container, "command")
	for _, word := range j.Command {
		n := &yaml.Node{}
		setText(n, unexpanded(word))
		command.Content = append(command.Content, n)
	}
	var text bytes.Buffer
	e := yaml.NewEncoder(&text)
	e.SetIndent(2)
	if err := e.Encode(&doc); err != nil {
		return nil, err
	}
	return text.Bytes(), e.Close()
}

// unexpanded returns a word of a command as Kubernetes gives it to the program: $(NAME) stands for a variable, and $$
// for a dollar.
func unexpanded(word string) string { return strings.ReplaceAll(word, "$", "$$") }

// field returns the value below the keys of mappings; the embedded job has it.
func field(n *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		found := false
		for i := 0; i+1 < len(n.Content) && !found; i += 2 {
			if n.Content[i].Value == key {
				n, found = n.Content[i+1], true
			}
		}
		if !found {
			panic("cluster: the embedded job has no " + key)
		}
	}
	return n
}

func setInt(n *yaml.Node, v int) { n.Kind, n.Tag, n.Value = yaml.ScalarNode, "!!int", strconv.Itoa(v) }

// setText sets a string that is always quoted.
func setText(n *yaml.Node, text string) {
	n.SetString(text)
	n.Style = yaml.DoubleQuotedStyle
}
