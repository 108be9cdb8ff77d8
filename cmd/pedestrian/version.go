package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

// version says which build this is: the module's version or the commit that it was built
// from, the Go that built it, and for what.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown, " + built()
	}
	return versionOf(info) + ", " + built()
}

func built() string {
	return fmt.Sprintf("%s %s/%s", runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// versionOf is what info knows of the source.
func versionOf(info *debug.BuildInfo) string {
	set := map[string]string{}
	for _, s := range info.Settings {
		set[s.Key] = s.Value
	}
	name := info.Main.Version
	if name == "" {
		name = "(devel)"
	}
	commit := set["vcs.revision"]
	if commit == "" || strings.Contains(name, commit[:min(12, len(commit))]) && set["vcs.modified"] != "true" {
		return name
	}
	about := []string{"commit " + commit[:min(12, len(commit))]}
	if day, _, ok := strings.Cut(set["vcs.time"], "T"); ok {
		about = append(about, day)
	}
	if set["vcs.modified"] == "true" {
		about = append(about, "changed since")
	}
	return name + " (" + strings.Join(about, ", ") + ")"
}
