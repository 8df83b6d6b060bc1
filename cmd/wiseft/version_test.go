package main

import (
	"runtime/debug"
	"testing"

	"github.com/wiseft/wiseft"
)

func TestVersionOf(t *testing.T) {
	t.Parallel()
	build := func(version string, settings ...string) *debug.BuildInfo {
		info := &debug.BuildInfo{Main: debug.Module{Version: version}}
		for i := 0; i < len(settings); i += 2 {
			info.Settings = append(info.Settings, debug.BuildSetting{Key: settings[i], Value: settings[i+1]})
		}
		return info
	}
	revision := "0123456789abcdef"
	for _, test := range []struct {
		release string
		info    *debug.BuildInfo
		want    string
	}{
		{"1.2.3", build("v0.9.0", "vcs.revision", revision), "1.2.3"},
		{"", build("v0.9.0"), "0.9.0"}, // go install …@v0.9.0
		{"", build("(devel)"), wiseft.Version},
		{"", build(""), wiseft.Version},
		{"", build("v0.0.0-2026-0123456789ab", "vcs.revision", revision, "vcs.modified", "false"),
			wiseft.Version + " (revision 0123456789ab)"},
		{"", build("v0.0.0+dirty", "vcs.revision", revision, "vcs.modified", "true"),
			wiseft.Version + " (revision 0123456789ab, modified)"},
	} {
		if got := versionOf(test.release, test.info); got != test.want {
			t.Errorf("release %q, %v: got %q, want %q", test.release, test.info, got, test.want)
		}
	}
}
