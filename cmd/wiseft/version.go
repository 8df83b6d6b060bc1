package main

import (
	"cmp"
	"runtime/debug"
	"strings"

	"github.com/wiseft/wiseft"
)

// release is the version of a release, which its build sets: -ldflags "-X main.release=0.2.0".
var release string

// version returns the program's version: that of the release; else the module's version with which it was installed;
// else that of the source with its revision.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return versionOf(release, info)
}

func versionOf(release string, info *debug.BuildInfo) string {
	if release != "" {
		return release
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	revision := settings["vcs.revision"]
	if revision == "" { // built from a module, or without version control
		installed := strings.TrimPrefix(info.Main.Version, "v")
		return cmp.Or(strings.TrimPrefix(installed, "(devel)"), wiseft.Version)
	}
	text := wiseft.Version + " (revision " + revision[:min(12, len(revision))]
	if settings["vcs.modified"] == "true" {
		text += ", modified"
	}
	return text + ")"
}
