package corpus

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func writeLines(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "q.jsonl")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// The layouts of data sets that people have.
func TestReadQuestions(t *testing.T) {
	path := writeLines(t,
		`{"query": "Q", "choices": ["a", "b"], "gold": 1}`,
		`{"ctx": "Q", "endings": ["a", "b", "c"], "label": "2", "activity_label": "x"}`,
		`{"question": "Q", "choices": {"text": ["a", "b"], "label": ["A", "B"]}, "answerKey": "B"}`,
		`{"question": "Q", "choices": {"text": ["a", "b"], "label": ["1", "2"]}, "answerKey": "2"}`,
		``,
		`{"question": "Q", "choices": ["a", "b", "c", "d"], "answer": "D", "subject": "s"}`,
		`{"context": "", "options": ["yes", "no"], "answer": "no"}`)
	qs, err := ReadQuestions(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []int{1, 2, 1, 1, 3, 1}
	for i, q := range qs {
		if q.Answer != want[i] || !slices.Contains([]string{"Q", ""}, q.Context) || len(q.Choices) < 2 {
			t.Errorf("question %d is %+v, the answer %d", i, q, want[i])
		}
	}
	if len(qs) != 6 || qs[4].Place.Line != 6 {
		t.Errorf("%d questions, the fifth from %v", len(qs), qs[4].Place)
	}
	list := filepath.Join(t.TempDir(), "q.json")
	if err := os.WriteFile(list, []byte(`[{"query": "Q", "choices": ["a", "b"], "gold": 1},
		{"query": "Q", "choices": ["a", "b"], "gold": 0}]`), 0o644); err != nil {
		t.Fatal(err)
	}
	if qs, err := ReadQuestions(list); err != nil || len(qs) != 2 || qs[1].Place.Line != 2 || !IsQuestions(list) {
		t.Errorf("a list is read as %+v, %v", qs, err)
	}
	if !IsQuestions(path) || IsQuestions(writeLines(t, `{"text": "a"}`)) || IsQuestions(writeLines(t, `no`)) {
		t.Errorf("questions are not recognised by their fields")
	}
}

func TestQuestionsRefused(t *testing.T) {
	for line, want := range map[string]string{
		`{"query": "Q", "choices": ["a", "b"]}`:                                               "there must be a context",
		`{"query": "Q", "choices": ["a"], "gold": 0}`:                                         "at least two",
		`{"query": "Q", "choices": ["a", ""], "gold": 0}`:                                     "choice 1 is empty",
		`{"query": "Q", "choices": ["a", "b"], "gold": 2}`:                                    "names none of the 2 choices",
		`{"query": "Q", "choices": ["a", "b"], "gold": true}`:                                 "must be a choice's number",
		`{"query": 5, "choices": ["a", "b"], "gold": 0}`:                                      `field "query" is the number 5`,
		`{"query": "Q", "choices": ["a", 5], "gold": 0}`:                                      `field "choices[1]" is the number 5`,
		`{"query": "Q", "choices": {"text": ["a", "b"], "label": ["A"]}, "gold": "A"}`:        "there are 1 labels",
		`{"query": "Q", "choices": {"text": ["a", "b"], "label": ["A", "B"]}, "answer": "0"}`: "names none",
	} {
		_, err := ReadQuestions(writeLines(t, line))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "q.jsonl:1") {
			t.Errorf("%s: the error is %v", line, err)
		}
	}
	if _, err := ReadQuestions(writeLines(t, "")); err == nil {
		t.Errorf("an empty file is no error")
	}
}
