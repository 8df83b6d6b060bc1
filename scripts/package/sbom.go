package main

import (
	"encoding/json"
	"runtime/debug"
	"strings"
)

// The types are the part of CycloneDX 1.5 that a Go program needs.
type bom struct {
	Format       string          `json:"bomFormat"`
	Spec         string          `json:"specVersion"`
	Version      int             `json:"version"`
	Metadata     bomMetadata     `json:"metadata"`
	Components   []bomComponent  `json:"components"`
	Dependencies []bomDependency `json:"dependencies"`
}

type bomMetadata struct {
	Component bomComponent `json:"component"`
}

type bomComponent struct {
	Type       string        `json:"type"`
	Ref        string        `json:"bom-ref"`
	Name       string        `json:"name"`
	Version    string        `json:"version"`
	Hashes     []bomHash     `json:"hashes,omitempty"`
	PURL       string        `json:"purl"`
	Properties []bomProperty `json:"properties,omitempty"`
}

type bomHash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type bomProperty struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type bomDependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn"`
}

// billOfMaterials returns the modules of which the program was built, as the program itself records them: a CycloneDX
// document without time and serial number, so that equal programs have equal ones. Hashes of modules are those of go.sum,
// which are of a listing of their files, and so are properties.
func (r *release) billOfMaterials() ([]byte, error) {
	info, err := programInfo(r.program)
	if err != nil {
		return nil, err
	}
	main := moduleComponent(&debug.Module{Path: info.Main.Path, Version: r.version})
	main.Type, main.Hashes = "application", []bomHash{{"SHA-256", hexSHA256(r.program)}}
	for _, s := range info.Settings {
		switch s.Key {
		case "GOOS", "GOARCH", "CGO_ENABLED", "-trimpath", "-ldflags":
			main.Properties = append(main.Properties, bomProperty{"wiseft:go:" + strings.TrimPrefix(s.Key, "-"), s.Value})
		}
	}
	std := moduleComponent(&debug.Module{Path: "std", Version: strings.TrimPrefix(info.GoVersion, "go")})
	doc := bom{Format: "CycloneDX", Spec: "1.5", Version: 1, Metadata: bomMetadata{main}, Components: []bomComponent{std}}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		doc.Components = append(doc.Components, moduleComponent(m))
	}
	needs := bomDependency{Ref: main.Ref}
	for _, c := range doc.Components {
		needs.DependsOn = append(needs.DependsOn, c.Ref)
	}
	doc.Dependencies = []bomDependency{needs}
	text, err := json.MarshalIndent(doc, "", "  ")
	return append(text, '\n'), err
}

// moduleComponent describes a module by its package URL.
func moduleComponent(m *debug.Module) bomComponent {
	purl := "pkg:golang/" + m.Path + "@" + strings.ReplaceAll(m.Version, "+", "%2B")
	c := bomComponent{Type: "library", Ref: purl, Name: m.Path, Version: m.Version, PURL: purl}
	if m.Sum != "" {
		c.Properties = []bomProperty{{"wiseft:go:sum", m.Sum}}
	}
	return c
}
