package ort

import (
	"context"
	"encoding/json"
	"os"
	"strings"
)

// addresser returns the address of the server that a package client asks, as the user has configured it; "" where that
// is not one server, or needs what only the client has, such as a proxy of its own.
type addresser func(ctx context.Context) string

// goAddress is the first module proxy, unless others follow when it does not answer, or some modules come from elsewhere.
func goAddress(ctx context.Context) string {
	out, err := run(ctx, os.TempDir(), nil, "go", "env", "-json", "GOPROXY", "GONOPROXY")
	var env struct{ GOPROXY, GONOPROXY string }
	if err != nil || json.Unmarshal(out, &env) != nil || env.GONOPROXY != "" {
		return ""
	}
	first := env.GOPROXY
	if end := strings.IndexAny(first, ",|"); end >= 0 {
		if first = first[:end]; env.GOPROXY[end] == '|' {
			return ""
		}
	}
	return onWeb(first)
}

// onWeb returns an address of http or https; "" for another one.
func onWeb(address string) string {
	if strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://") {
		return address
	}
	return ""
}

// hasOtherProxy reports whether the environment names a proxy that Go's client does not use, and others do.
func hasOtherProxy() bool { return os.Getenv("ALL_PROXY") != "" || os.Getenv("all_proxy") != "" }

// pipAddress is pip's index, unless it has several, none, or a proxy of its own.
func pipAddress(ctx context.Context) string {
	python, err := lookAny("python3", "python")
	if err != nil || hasOtherProxy() {
		return ""
	}
	out, err := run(ctx, os.TempDir(), nil, python, "-m", "pip", "config", "list")
	if err != nil {
		return ""
	}
	return pipIndex(string(out))
}

// pipIndex returns the index of the lines global.NAME='VALUE' that pip prints. Those of the environment (:env:) count
// before those of the command, and these before those of all commands.
func pipIndex(list string) string {
	index, from := "https://pypi.org/simple", -1
	for line := range strings.Lines(list) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		section, name, _ := strings.Cut(key, ".")
		rank := map[string]int{"global": 1, "download": 2, ":env:": 3}[section]
		switch {
		case rank == 0: // of another command
		case name == "proxy" || name == "extra-index-url" || name == "no-index":
			return ""
		case name == "index-url" && rank > from:
			index, from = strings.Trim(value, `'"`), rank
		}
	}
	return onWeb(index)
}

// npmAddress is npm's registry, unless npm has a proxy of its own.
func npmAddress(ctx context.Context) string {
	if hasOtherProxy() {
		return ""
	}
	out, err := run(ctx, os.TempDir(), nil, "npm", "config", "list", "-l", "--json")
	var config struct {
		Registry string
		Proxy    any
		Secure   any `json:"https-proxy"`
	}
	if err != nil || json.Unmarshal(out, &config) != nil || config.Proxy != nil || config.Secure != nil {
		return ""
	}
	return onWeb(config.Registry)
}
