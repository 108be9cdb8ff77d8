package main

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/derive"
	"github.com/pedestrian-ml/pedestrian/gradcheck"
	"github.com/pedestrian-ml/pedestrian/lesson"
	"github.com/pedestrian-ml/pedestrian/parity"
)

var (
	letterCodes = regexp.MustCompile(`\b(?:[RXYMBSCN]\d{1,2}|L\d{1,2}(?:\.[a-z])?|T[123])\b`)
	bracketed   = regexp.MustCompile(`\(([^()]*\d[^()]*)\)`)
	numberCode  = regexp.MustCompile(`^(?:[LT]?\d{1,2}(?:\.[a-z](?:-[a-z])?)?|[LT]?\d{1,2}-[LT]?\d{1,2}|tables? \d(?:-\d)?|§\d)$`)
	formulas    = regexp.MustCompile(`\$[^$]*\$`)
	separator   = regexp.MustCompile(`, |,|\+| and `)
)

// codesIn are the codes in a text: letters with a number, and what stands in parentheses where
// all of it is numbers of equations.
func codesIn(text string) (codes []string) {
	codes = letterCodes.FindAllString(text, -1)
	for _, m := range bracketed.FindAllStringSubmatch(text, -1) {
		var all []string
		for _, p := range separator.Split(m[1], -1) {
			if p = strings.TrimSpace(p); !numberCode.MatchString(p) {
				all = nil
				break
			}
			all = append(all, p)
		}
		codes = append(codes, all...)
	}
	return codes
}

// TestEveryPrintedCode: every code that verify prints, in float64 and at bf16, that
// derive prints, and that the chapters and the page of errata name, can be explained. A code
// with a letter names one thing.
func TestEveryPrintedCode(t *testing.T) {
	ctx := context.Background()
	texts := map[string]string{}
	print := func(name string, r *gradcheck.Report) {
		var b bytes.Buffer
		(&verifyFlags{verbose: true, mutants: true}).print(&b, r, 0)
		texts[name] += b.String()
	}
	for _, name := range []string{"paper", "dora", "llama", "qwen3"} { // all layers, all kinds of rows
		c, _ := gradcheck.Find(name)
		r, err := parity.Run(ctx, c, parity.Options{BF16: true})
		if err != nil {
			t.Fatal(err)
		}
		print("verify --bf16 --case "+c.Name, r)
	}
	for _, name := range []string{"paper", "llama"} { // their error signals, and one entry of each
		c, _ := gradcheck.Find(name)
		r, err := parity.Run(ctx, c, parity.Options{Options: gradcheck.Options{Only: "Δ", Entries: 1}})
		if err != nil {
			t.Fatal(err)
		}
		r.Mutants = gradcheck.Bugs()
		print("verify --case "+name, r)
	}
	for _, i := range gradcheck.Identities() {
		texts["identities"] += i.ID + " (" + i.Eqs + ")\n"
	}
	for _, args := range [][]string{{"derive"}, {"derive", "check", "25"}, {"explain"}, {"verify", "--help"}, {"params"}} {
		var out, stderr bytes.Buffer
		if code := run(args, &out, &stderr); code != 0 {
			t.Fatalf("%v: exit code %d: %s", args, code, stderr.String())
		}
		texts[strings.Join(args, " ")] = out.String()
	}
	for _, x := range derive.Exercises {
		var out bytes.Buffer
		ask(&out, x)
		for _, a := range x.Accepted {
			printVerdict(&out, x, a, x.Grade(a), true)
		}
		for _, m := range x.Mistakes {
			out.WriteString(m.Says + "\n")
		}
		for _, c := range x.Choices {
			out.WriteString(c.Reply + "\n")
		}
		texts["derive "+x.ID] = out.String() + strings.Join(x.Hints, "\n")
	}
	for page, text := range chapters(t) {
		texts[page] = formulas.ReplaceAllString(text, "")
	}
	seen := map[string]bool{}
	for name, text := range texts {
		for _, code := range codesIn(text) {
			key := name[:min(4, len(name))] + code
			if seen[key] {
				continue
			}
			seen[key] = true
			found := lesson.Find(code)
			if len(found) == 0 {
				t.Errorf("%s prints %q, which nothing explains", name, code)
			}
			if letterCodes.FindString(code) == code && len(found) > 1 && !strings.HasPrefix(code, "L") {
				t.Errorf("%s prints %q, which names %v", name, code, found)
			}
		}
	}
	if len(seen) < 250 {
		t.Errorf("only %d codes were looked up", len(seen))
	}
	for _, code := range []string{"bf16B26", "idenR16", "veri35", "veri31.a", "READ", "03-a25", "erraS1"} {
		if name, c := code[:4], code[4:]; c != "" && name != "bf16" && !seen[code] {
			t.Errorf("the code %s of %s… was not seen: this looks at too little", c, name)
		}
	}
}

// TestNextCommands: what a lesson tells to do next is a command that there is, and its
// exercises, cases and codes exist.
func TestNextCommands(t *testing.T) {
	seen := 0
	for _, e := range lesson.Entries() {
		if e.Kind == lesson.Identity { // are evaluated where they are printed: see package lesson
			continue
		}
		l, err := lesson.Of(e)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range l.Next {
			words := shellWords(c.Line)
			if words[0] == "go" {
				if err := namesTests(words); err != nil {
					t.Errorf("%s: %s: %v", e, c.Line, err)
				}
				continue
			}
			seen++
			if err := parses(words[1:]); err != nil {
				t.Errorf("%s: %s: %v", e, c.Line, err)
			}
			switch {
			case words[1] == "explain" && len(lesson.Find(words[2])) == 0:
				t.Errorf("%s: %s: nothing has that name", e, c.Line)
			case words[1] == "derive" && words[2] != "check" && derive.FindExercise(words[2]) == nil, words[1] == "derive" && words[2] == "check" && shipped(words[3]) == nil:
				t.Errorf("%s: %s: there is no such exercise or derivation", e, c.Line)
			case words[1] == "verify":
				for i, w := range words {
					if w == "--case" {
						if _, ok := gradcheck.Find(words[i+1]); !ok {
							t.Errorf("%s: %s: there is no such case", e, c.Line)
						}
					}
				}
			}
		}
	}
	if seen < 500 {
		t.Errorf("only %d commands", seen)
	}
}
