package studio

import (
	"strconv"
	"strings"
	"testing"

	"github.com/pedestrian-ml/pedestrian/derive"
	"github.com/pedestrian-ml/pedestrian/paper"
)

// 9 + 3 + 16 + 24 rows, and every one names tensors that there are.
func TestTables(t *testing.T) {
	s := open(t, State{Rank: 2})
	var counts []string
	for _, table := range Tables {
		counts = append(counts, strconv.Itoa(len(table.Rows)))
		keys := map[string]bool{}
		for _, r := range table.Rows {
			if keys[r.Key] {
				t.Errorf("table %s has two rows %s", table.Key, r.Key)
			}
			keys[r.Key] = true
			if r.Says == "" || r.Error == "" && r.Note == "" || !strings.HasPrefix(r.Forward, "<math>") {
				t.Errorf("table %s, %s lacks something: %+v", table.Key, r.Key, r)
			}
			for _, id := range append([]string{r.Value, r.Error}, r.Extra...) {
				id = strings.NewReplacer("{b}", "0", "{h}", "1").Replace(id)
				if id != "" && s.node(id) == nil {
					t.Errorf("table %s, %s: there is no tensor %s", table.Key, r.Key, id)
				}
			}
			for _, eq := range []string{r.EqF, r.EqB} {
				if _, ok := paper.FindEquation(eq); eq != "" && !ok {
					t.Errorf("table %s, %s: there is no equation %s", table.Key, r.Key, eq)
				}
			}
			if r.Exercise != "" && derive.FindExercise(r.Exercise) == nil {
				t.Errorf("table %s, %s: there is no exercise %s", table.Key, r.Key, r.Exercise)
			}
		}
	}
	if got := strings.Join(counts, " + "); got != "9 + 3 + 16 + 24" {
		t.Errorf("the tables have %s rows", got)
	}
}
