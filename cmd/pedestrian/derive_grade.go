package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pedestrian-ml/pedestrian/derive"
)

// A rubric says what exercises are worth.
type rubric struct {
	Title      string       `json:"title"`
	Visibility string       `json:"visibility"` // when Gradescope shows the results to the student; "": at once
	Exercises  []rubricItem `json:"exercises"`
}

// visibilities are what Gradescope knows.
var visibilities = []string{"", "visible", "hidden", "after_due_date", "after_published"}

type rubricItem struct {
	ID       string  `json:"id"`
	Points   float64 `json:"points"`
	Attempts int     `json:"attempts"` // only so many answers count, the first ones; 0: all
}

// gradescope is the format of results.json that Gradescope reads.
type gradescope struct {
	Output     string           `json:"output"`
	Visibility string           `json:"visibility,omitempty"`
	Tests      []gradescopeTest `json:"tests"`
}

type gradescopeTest struct {
	Name     string  `json:"name"`
	Score    float64 `json:"score"`
	MaxScore float64 `json:"max_score"`
	Status   string  `json:"status"`
	Output   string  `json:"output"`
}

func newDeriveGradeCmd() *cobra.Command {
	var rubricPath, out string
	cmd := &cobra.Command{
		Use:   "grade --rubric FILE ATTEMPTS...",
		Short: "Grade a learner's log of attempts against a rubric",
		Long: `Grades the attempts of one learner, files of the form of the log that "pedestrian derive" keeps,
against a rubric:

  {"title": "Attention", "exercises": [{"id": "w_q", "points": 2}, {"id": "d_k", "points": 2, "attempts": 5}]}

Every formula is evaluated anew; the verdicts in the log count for nothing. An exercise gives its
points if one of its answers is right, among the first "attempts" where the rubric says so. Lines
that cannot be read are left out, and the result names them. It is written in the format of
Gradescope's results.json, with the last message for each exercise; "visibility" in the rubric
says when a student sees it: visible, hidden, after_due_date or after_published.`,
		Example: "  pedestrian derive grade --rubric rubric.json attempts.jsonl --out results.json",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("derive grade takes files of attempts: see \"%s --help\"", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if rubricPath == "" {
				return usagef("derive grade needs --rubric FILE: see \"%s --help\"", cmd.CommandPath())
			}
			r, err := readRubric(rubricPath)
			if err != nil {
				return err
			}
			answers := map[string][]string{}
			var unread []string
			for _, path := range args {
				bad, err := readAttempts(path, answers)
				if err != nil {
					return err
				}
				unread = append(unread, bad...)
			}
			results := r.grade(answers)
			if len(unread) > 0 {
				results.Output += "\nLeft out, since it is no attempt: " + strings.Join(unread[:min(len(unread), 5)], "; ")
				if more := len(unread) - 5; more > 0 {
					results.Output += fmt.Sprintf("; and %d more lines", more)
				}
			}
			if out == "" {
				return writeJSON(cmd.OutOrStdout(), results)
			}
			var b bytes.Buffer
			if err := writeJSON(&b, results); err != nil {
				return err
			}
			if err := os.WriteFile(out, b.Bytes(), 0o644); err != nil {
				return fmt.Errorf("writing the results: %w", err)
			}
			fmt.Fprintln(cmd.OutOrStdout(), results.Output)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&rubricPath, "rubric", "", "what exercises are worth, JSON")
	f.StringVar(&out, "out", "", "write the results to this file instead of standard output")
	return cmd
}

func readRubric(path string) (r rubric, err error) {
	text, err := readSmall(nil, path)
	if err != nil {
		return r, err
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return r, usagef("rubric %s: %v", path, err)
	}
	if len(r.Exercises) == 0 {
		return r, usagef("rubric %s names no exercises", path)
	}
	if !slices.Contains(visibilities, r.Visibility) {
		return r, usagef("rubric %s: there is no visibility %q: visible, hidden, after_due_date or after_published", path, r.Visibility)
	}
	seen := map[string]bool{}
	for _, e := range r.Exercises {
		switch {
		case derive.FindExercise(e.ID) == nil:
			return r, usagef("rubric %s: there is no exercise %q%s", path, e.ID, nearExercise(e.ID))
		case seen[e.ID]:
			return r, usagef("rubric %s: %s is named twice", path, e.ID)
		case e.Points < 0 || math.IsInf(e.Points, 0):
			return r, usagef("rubric %s: %s is worth %g points: write 0 or more", path, e.ID, e.Points)
		case e.Attempts < 0:
			return r, usagef("rubric %s: %s has %d attempts: write 0 for all, or more", path, e.ID, e.Attempts)
		}
		seen[e.ID] = true
	}
	return r, nil
}

// mostAnswers is how many answers of an exercise are graded.
const mostAnswers = 1000

// readAttempts adds the answers of a log, in their order. Lines that are no attempt, such as
// one that was written by half, are named in unread.
func readAttempts(path string, answers map[string][]string) (unread []string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, usageError{fmt.Errorf("opening the attempts: %w", err)}
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<16)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var a attempt
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil || a.Exercise == "" {
			unread = append(unread, fmt.Sprintf("%s, line %d", filepath.Base(path), n))
			continue
		}
		x := derive.FindExercise(a.Exercise)
		if x != nil && a.ID != "solution" && len(answers[x.ID]) < mostAnswers {
			answers[x.ID] = append(answers[x.ID], a.Answer)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, usagef("%s: %v", path, err)
	}
	return unread, nil
}

func (r rubric) grade(answers map[string][]string) gradescope {
	g := gradescope{Visibility: r.Visibility}
	got, most := 0.0, 0.0
	for _, e := range r.Exercises {
		x := derive.FindExercise(e.ID)
		t := gradescopeTest{Name: e.ID + ": " + x.Title, MaxScore: e.Points, Status: "failed", Output: "no answer"}
		all := answers[x.ID]
		if e.Attempts > 0 {
			all = all[:min(len(all), e.Attempts)]
		}
		for i, a := range all {
			v := x.Grade(a)
			t.Output = fmt.Sprintf("answer %d of %d, %s: %s", i+1, len(all), a, v.Message)
			if v.Status == derive.Right {
				t.Score, t.Status = e.Points, "passed"
				break
			}
		}
		got, most = got+t.Score, most+e.Points
		g.Tests = append(g.Tests, t)
	}
	g.Output = fmt.Sprintf("%g of %g points", got, most)
	if r.Title != "" {
		g.Output = r.Title + ": " + g.Output
	}
	return g
}
