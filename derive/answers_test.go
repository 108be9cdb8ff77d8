package derive

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/answers.txt anew; read what has changed")

// TestAnswers: the judged answers. A line is exercise, answer, status, diagnosis, place and
// message, between tabs. Someone has read every message: it is true, and it helps.
func TestAnswers(t *testing.T) {
	const path = "testdata/answers.txt"
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	count := 0
	for line := range strings.Lines(string(old)) {
		line = strings.TrimSuffix(line, "\n")
		f := strings.Split(line, "\t")
		x := FindExercise(f[0])
		if x == nil {
			t.Fatalf("there is no exercise %s", f[0])
		}
		v := x.Grade(f[1])
		place := ""
		if v.Column > 0 {
			place = fmt.Sprintf("%d-%d", v.Column, v.End-1)
		}
		now := strings.Join([]string{f[0], f[1], string(v.Status), v.ID, place, v.Message}, "\t")
		if now != line && !*update {
			t.Errorf("was\n%s\nis\n%s", line, now)
		}
		out.WriteString(now + "\n")
		count++
	}
	if count < 200 {
		t.Errorf("only %d answers are judged", count)
	}
	if *update {
		if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
