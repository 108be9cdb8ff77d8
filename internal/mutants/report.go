package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
)

func (r Result) String() string {
	s := fmt.Sprintf("%-8s %-40s %5.1f s", r.Status, r.Name, r.Seconds)
	switch {
	case r.By != "":
		return s + "  " + r.By
	case r.Error != "":
		return s + "\n         " + r.Error
	}
	return s + "\n         " + r.About
}

// summary is a table of the results by package and path.
func summary(w io.Writer, results []Result) {
	var groups []string
	count := map[string]map[Status]int{}
	seconds := map[string]float64{}
	add := func(group string, r Result) {
		if count[group] == nil {
			count[group] = map[Status]int{}
			groups = append(groups, group)
		}
		count[group][r.Status]++
		seconds[group] += r.Seconds
	}
	for _, r := range results {
		add(r.Group, r)
	}
	for _, r := range results {
		add("all", r)
	}
	fmt.Fprintf(w, "\n%-24s %8s %8s %8s %8s %8s\n", "", Killed, Survived, Absent, Wrong, "seconds")
	for _, g := range groups {
		c := count[g]
		fmt.Fprintf(w, "%-24s %8d %8d %8d %8d %8.0f\n", g, c[Killed], c[Survived], c[Absent], c[Wrong], seconds[g])
	}
	fmt.Fprintf(w, "\n%s, %s/%s, %s, %d threads\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, processor(), runtime.GOMAXPROCS(0))
}

// verdict is an error unless every mutant that ran was seen.
func verdict(results []Result) error {
	count := map[Status]int{}
	for _, r := range results {
		count[r.Status]++
	}
	if count[Survived]+count[Wrong] > 0 {
		return fmt.Errorf("%d of %d mutants survived, %d could not be tried", count[Survived], len(results), count[Wrong])
	}
	if count[Killed] == 0 {
		return errors.New("this processor can run none of these mutants")
	}
	return nil
}

var modelName = regexp.MustCompile(`(?m)^model name\s*: (.*)$`)

// processor is what Linux calls it.
func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	if m := modelName.FindSubmatch(text); m != nil {
		return string(m[1])
	}
	return "unknown processor"
}
