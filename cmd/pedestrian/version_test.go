package main

import (
	"bytes"
	"regexp"
	"runtime/debug"
	"testing"
)

func TestVersion(t *testing.T) {
	var out bytes.Buffer
	if code := run([]string{"--version"}, &out, &out); code != 0 {
		t.Fatalf("exit code %d: %s", code, out.String())
	}
	if want := regexp.MustCompile(`^pedestrian .+, go1[.][0-9]+.* [a-z0-9]+/[a-z0-9]+\n$`); !want.Match(out.Bytes()) {
		t.Errorf("--version says %q", out.String())
	}
	settings := []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef0123"}, {Key: "vcs.time", Value: "2026-11-30T01:02:03Z"}, {Key: "vcs.modified", Value: "true"}}
	for _, c := range []struct {
		version  string
		settings []debug.BuildSetting
		want     string
	}{
		{"v1.2.3", nil, "v1.2.3"},
		{"", nil, "(devel)"},
		{"(devel)", settings[:2], "(devel) (commit 0123456789ab, 2026-11-30)"},
		{"(devel)", settings, "(devel) (commit 0123456789ab, 2026-11-30, changed since)"},
		{"v0.0.0-20261130010203-0123456789ab", settings[:2], "v0.0.0-20261130010203-0123456789ab"},
	} {
		info := &debug.BuildInfo{Main: debug.Module{Version: c.version}, Settings: c.settings}
		if got := versionOf(info); got != c.want {
			t.Errorf("version %q with %v: %q, want %q", c.version, c.settings, got, c.want)
		}
	}
}
