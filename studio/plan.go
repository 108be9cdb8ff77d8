package studio

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/pedestrian-ml/pedestrian/derive"
	"github.com/pedestrian-ml/pedestrian/docs"
)

// A plan is a lesson of docs/lesson.md, taken apart so that it can be held: minutes, what is
// said, and what is typed, with the output apart from the command.
type plan struct {
	Revision int         `json:"rev"`
	Title    string      `json:"title"`
	Before   []passage   `json:"before"` // what stands above the first part
	Parts    []planPart  `json:"parts"`
	After    []planPart  `json:"after"` // without minutes
	Sheets   []worksheet `json:"sheets"`
}

type planPart struct {
	From  int        `json:"from"` // minutes
	To    int        `json:"to"`
	Title string     `json:"title"`
	Steps []planStep `json:"steps"`
}

// A planStep begins with a word such as "Say." Those that the class is not to see at first are
// what they fail at.
type planStep struct {
	Kind  string     `json:"kind"` // "say", "show", "students", "fail"; "" of a part without minutes
	Items []planItem `json:"items"`
}

// A planItem is a passage, or a command with what it prints.
type planItem struct {
	Passage *passage `json:"passage,omitempty"`
	Command string   `json:"command,omitempty"`
	Output  string   `json:"output,omitempty"`
	ID      string   `json:"id,omitempty"`     // of the exercise that the command opens
	Answer  string   `json:"answer,omitempty"` // that it gives
}

// A worksheet is a page to be printed.
type worksheet struct {
	ID    string    `json:"id"`
	Title string    `json:"title"`
	Text  []passage `json:"text,omitempty"`
}

// worksheets are the pages of docs for the students, and the solutions.
var worksheets = []string{"1", "2", "3", "4", "solutions"}

var partTitle = regexp.MustCompile(`^(\d+)–(\d+) · (.+)$`)

// lessonPlan reads the plan.
func lessonPlan(r Request) (plan, error) {
	b, err := docs.Files.ReadFile("lesson.md")
	if err != nil {
		return plan{}, fmt.Errorf("reading the plan: %w", err)
	}
	p := plan{Revision: r.Revision}
	head, rest, _ := strings.Cut(string(b), "\n## ")
	title, before, _ := strings.Cut(strings.TrimPrefix(head, "# "), "\n")
	p.Title, p.Before = title, passages(before)
	for text := range strings.SplitSeq(rest, "\n## ") {
		name, body, _ := strings.Cut(text, "\n")
		part := planPart{Title: name, Steps: steps(body)}
		if m := partTitle.FindStringSubmatch(name); m != nil {
			part.From, _ = strconv.Atoi(m[1])
			part.To, _ = strconv.Atoi(m[2])
			part.Title = m[3]
			p.Parts = append(p.Parts, part)
		} else {
			p.After = append(p.After, part)
		}
	}
	for _, id := range worksheets {
		w, err := sheet(id)
		if err != nil {
			return plan{}, err
		}
		p.Sheets = append(p.Sheets, worksheet{w.ID, w.Title, nil})
	}
	return p, nil
}

// sheet reads one worksheet.
func sheet(id string) (worksheet, error) {
	for _, known := range worksheets {
		if id != known {
			continue
		}
		b, err := docs.Files.ReadFile("worksheet-" + id + ".md")
		if err != nil {
			return worksheet{}, fmt.Errorf("reading a worksheet: %w", err)
		}
		title, text, _ := strings.Cut(strings.TrimPrefix(string(b), "# "), "\n")
		return worksheet{id, title, passages(text)}, nil
	}
	return worksheet{}, fmt.Errorf("there is no worksheet %q: they are %s", clip(id), strings.Join(worksheets, ", "))
}

// stepWords are what a step begins with, in emphasis.
var stepWords = []struct{ word, kind string }{{"Say", "say"}, {"Show", "show"}, {"Students", "students"}, {"They fail at", "fail"}}

// steps takes a part of the plan apart.
func steps(text string) (all []planStep) {
	put := func(kind string, items ...planItem) {
		if kind != "" || len(all) == 0 {
			all = append(all, planStep{Kind: kind})
		}
		last := &all[len(all)-1]
		last.Items = append(last.Items, items...)
	}
	for text != "" {
		prose, after, console := strings.Cut(text, "```console\n")
		for _, q := range passages(prose) {
			kind := ""
			if len(q.Spans) > 0 && q.Spans[0].Kind == "em" {
				for _, w := range stepWords {
					if strings.HasPrefix(q.Spans[0].Text, w.word) {
						kind = w.kind
					}
				}
			}
			put(kind, planItem{Passage: &q})
		}
		if !console {
			return all
		}
		typed, rest, _ := strings.Cut(after, "```")
		for _, turn := range strings.Split("\n"+typed, "\n$ ")[1:] {
			command, output, _ := strings.Cut(turn, "\n")
			id, answer := exerciseOf(command)
			put("", planItem{Command: command, Output: strings.TrimRight(output, "\n"), ID: id, Answer: answer})
		}
		text = rest
	}
	return all
}

var typedExercise = regexp.MustCompile(`^pedestrian derive (\w+)(?: (?:"([^"]*)"|(\S+)))?`)

// exerciseOf is the exercise that a command opens, and the answer that it gives; "" of another.
func exerciseOf(command string) (id, answer string) {
	m := typedExercise.FindStringSubmatch(command)
	if m == nil || derive.FindExercise(m[1]) == nil {
		return "", ""
	}
	if answer = m[2] + m[3]; strings.HasPrefix(answer, "--") {
		answer = ""
	}
	return m[1], answer
}
