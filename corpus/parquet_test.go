package corpus

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/pedestrian-ml/pedestrian/token"
)

// TestParquetExamples reads conversations and pairs that pyarrow wrote, nulls and all.
func TestParquetExamples(t *testing.T) {
	const dir = "../parquet/testdata/"
	for _, c := range []struct {
		file, columns string
		examples      int
		first         string
		left, leftAt  int
		ignored       string
	}{
		{"chats-snappy.parquet", "", 3, "u:Höher?|a!:Ja 😀|u:Und?|a:Nein|", 1, 3, "map[id:3]"},
		{"chats-zstd-v2.parquet", "", 3, "u:Höher?|a!:Ja 😀|u:Und?|a:Nein|", 1, 3, "map[id:3]"},
		{"flat-gzip.parquet", "", 134, "one plus 0→one", 66, 4, "map[good:134 grid:134 half:134 index:134 score:134 small:134 tags:134]"},
		{"flat-delta.parquet", "instruction=prompt,output=completion", 134, "u:one plus 0|a:one|", 66, 4, "map[good:134 grid:134 half:134 index:134 score:134 small:134 tags:134]"},
	} {
		columns, err := Columns(nil).ParseColumns(c.columns)
		if err != nil {
			t.Fatal(err)
		}
		var got []Record
		var source Source
		how := readOptions{columns: columns, source: func(s Source) { source = s }}
		err = how.records(dir+c.file, func(r Record) error { got = append(got, r); return nil })
		if c.file[0] == 'c' && err != nil && strings.Contains(err.Error(), `chats-`) && strings.Contains(err.Error(), `.parquet:4: field "messages[1].tool_calls": a message has role`) && len(got) == 2 && said(got[0]) == c.first && source.Path == "" {
			continue // the fourth calls a tool
		}
		if err != nil || len(got) != c.examples || said(got[0]) != c.first || source.LeftOut != c.left || source.LeftAt.Line != c.leftAt || fmt.Sprint(source.Ignored) != c.ignored {
			t.Errorf("%s: %d, %+v, %v", c.file, len(got), source, err)
		}
	}
	columns := Columns{"prompt": "prompt", "completion": "index"}
	err := readOptions{columns: columns}.records(dir+"flat-none.parquet", func(Record) error { return nil })
	if err == nil || !strings.Contains(err.Error(), `flat-none.parquet:1: field "index" is the number -1000: it must be a string`) {
		t.Errorf("%v", err)
	}
	if _, err := Load(dir + "flat-none.parquet"); err == nil || !strings.Contains(err.Error(), "is a Parquet file, and no text") {
		t.Errorf("as text: %v", err)
	}
}

// packed is data in gzip or zstd.
func packed(t *testing.T, format string, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if format == "gzip" {
		w := gzip.NewWriter(&b)
		w.Write(data)
		w.Close()
		return b.Bytes()
	}
	w, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(data)
	w.Close()
	return b.Bytes()
}

// TestRecognize: what a file holds is told by its content, whatever its name is, packed
// or not.
func TestRecognize(t *testing.T) {
	for _, c := range []struct {
		content string
		format  Format
		want    string
		line    int
	}{
		{`{"text":"a"}` + "\n", FormatJSONL, "a", 1},
		{"\xef\xbb\xbf[\r\n {\"text\":\n\"a\"} , {\"text\":\"b]}\\\"\"}\n]\n", FormatJSON, "a", 2},
		{"prompt,completion\r\n\"a, \"\"b\"\"\r\nc\",d\r\n", FormatCSV, "a, \"b\"\nc→d", 2},
		{"id;prompt;completion\n1;a,b;c\n", FormatCSV, "a,b→c", 2},
		{"instruction\tinput\toutput\nsay \"hi\"\t\thi\n", FormatTSV, "u:say \"hi\"|a:hi|", 2},
		{"\xef\xbb\xbfmessages,id\n\"[{\"\"role\"\":\"\"user\"\",\"\"content\"\":\"\"a\"\"},{\"\"role\"\":\"\"assistant\"\",\"\"content\"\":\"\"b\"\"}]\",1\n", FormatCSV, "u:a|a:b|", 2},
		{"Once, there was a text, and no table.\nThe end.\n", FormatText, "Once, there was a text, and no table.\nThe end.\n", 0},
		{"[1] a reference, not a list\n", FormatText, "[1] a reference, not a list\n", 0},
		{"{curly}\n", FormatText, "{curly}\n", 0},
	} {
		for _, name := range []string{"a", "a.txt", "a.dat"} {
			for _, pack := range []string{"", "gzip", "zstd"} {
				content := []byte(c.content)
				if pack != "" {
					content = packed(t, pack, content)
				}
				path := filepath.Join(tree(t, [2]string{name, string(content)}), name)
				var source Source
				var got []Record
				err := readOptions{source: func(s Source) { source = s }}.records(path, func(r Record) error { got = append(got, r); return nil })
				if err != nil || len(got) == 0 || source.Format != c.format || source.Packed != pack || said(got[0]) != c.want || got[0].Place.Line != c.line {
					t.Errorf("%q as %s in %q: %+v, %+v, %v", c.content, name, pack, source, got, err)
				}
			}
		}
	}
	// Names count where the content does not say.
	for name, want := range map[string]string{"a.csv": `the fields are "a", "b": there must be`, "a.jsonl": "not JSON at column 1", "a.tsv": `the fields are "a,b": there must be`, "a.parquet": "it is not such a file", "a.csv.gz": `the fields are "a", "b"`} {
		content := "a,b\nc,d\n"
		if strings.HasSuffix(name, ".gz") {
			content = string(packed(t, "gzip", []byte(content)))
		}
		path := filepath.Join(tree(t, [2]string{name, content}), name)
		if _, err := readAll(path, FormatAuto, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	// With --map the columns tell.
	path := filepath.Join(tree(t, [2]string{"a.txt", "question,answer\na,b\n"}), "a.txt")
	if IsExamples(path, "", nil) || !IsExamples(path, "", Columns{"prompt": "question", "completion": "answer"}) {
		t.Error("columns by another name")
	}
	for content, says := range map[string]string{
		"ARROW1\x00\x00":      "is an Arrow file: write it as Parquet",
		"PK\x03\x04zip":       "is a zip archive: unpack it",
		"BZh91AY":             "packed with bzip2",
		"\xfd7zXZ\x00":        "packed with xz",
		"SQLite format 3\x00": "an SQLite database",
		string(packed(t, "gzip", packed(t, "zstd", []byte("a")))):                                     "packed with zstd twice",
		string(packed(t, "gzip", append(append(make([]byte, 257), "ustar"...), make([]byte, 99)...))): "is a tar archive",
		string(packed(t, "gzip", nil)):                                                                "the file is empty when it is unpacked",
		string(packed(t, "gzip", []byte("a text of some length"))[:20]):                               "a.x: the gzip file ends too early: it was cut short",
		string(packed(t, "zstd", []byte("a text of some length"))[:20]):                               "a.x: the zstd file ends too early: it was cut short",
		"\x1f\x8bno gzip at all":                                                                      "a.x: the gzip file cannot be unpacked",
	} {
		path := filepath.Join(tree(t, [2]string{"a.x", content}), "a.x")
		if _, err := readAll(path, FormatAuto, ""); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.12q: %v, want %q", content, err, says)
		}
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.12q as text: %v, want %q", content, err, says)
		}
	}
}

// TestUnpackBomb: what unpacks to much more than text does is refused after a few
// megabytes, of which none is kept.
func TestUnpackBomb(t *testing.T) {
	zeros := bytes.Repeat([]byte("a"), 24<<20)
	for _, pack := range []string{"gzip", "zstd"} {
		path := filepath.Join(t.TempDir(), "a.txt")
		if err := os.WriteFile(path, packed(t, pack, zeros), 0o644); err != nil {
			t.Fatal(err)
		}
		for name, read := range map[string]func() error{
			"text": func() error { _, err := Load(path); return err },
			"jsonl": func() error {
				return ReadRecords(path, FormatJSONL, "", func(Record) error { return nil })
			},
			"csv": func() error { return ReadRecords(path, FormatCSV, "", func(Record) error { return nil }) },
		} {
			if err := read(); err == nil || !strings.Contains(err.Error(), "a.txt") || !strings.Contains(err.Error(), "unpack to more than 250 times as many") {
				t.Errorf("%s as %s: %v", pack, name, err)
			}
		}
	}
	// Text that packs well is in order.
	path := filepath.Join(t.TempDir(), "a.jsonl.gz")
	var lines bytes.Buffer
	for i := range 300_000 {
		fmt.Fprintf(&lines, `{"text":"line %d, which is like the others and packs well"}`+"\n", i*i)
	}
	if err := os.WriteFile(path, packed(t, "gzip", lines.Bytes()), 0o644); err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := ReadRecords(path, FormatAuto, "", func(Record) error { n++; return nil }); err != nil || n != 300_000 {
		t.Errorf("%d, %v", n, err)
	}
}

// TestOpenQuote: a quotation mark that is never closed does not take a file into memory.
func TestOpenQuote(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.csv")
	if err := os.WriteFile(path, append([]byte("prompt,completion\n\"a,b\n"), bytes.Repeat([]byte("c,d\n"), 20<<20)...), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := readAll(path, FormatAuto, ""); err == nil || !strings.Contains(err.Error(), "a row has more than 67108864 bytes") {
		t.Errorf("%v", err)
	}
}

// TestSamples are the data at hand.
func TestSamples(t *testing.T) {
	if got := fmt.Sprint(Samples()); got != "[@chats @shakespeare-excerpt]" {
		t.Errorf("%v", got)
	}
	text, err := Load("@shakespeare-excerpt")
	if err != nil || len(text) < 60_000 || !strings.HasPrefix(text, "First Citizen:\n") {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	rs, err := readAll("@chats", FormatAuto, "")
	if err != nil || len(rs) < 50 || rs[0].Kind != KindMessages || rs[0].Place.String() != "@chats:1" {
		t.Errorf("%d, %v", len(rs), err)
	}
	for _, path := range []string{"@shakespear", "@", "@chats.jsonl", "@../samples/chats.jsonl"} {
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "there is no sample "+path+": choose @chats or @shakespeare-excerpt") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := CheckDisjoint("@chats", "@chats"); err == nil {
		t.Error("a sample is apart from itself")
	}
	if err := CheckDisjoint("@chats", "@shakespeare-excerpt"); err != nil {
		t.Error(err)
	}
}

// TestRawExamples: whoever trains on a file of examples as on a text is told.
func TestRawExamples(t *testing.T) {
	dir := tree(t, [2]string{"a.txt", "prompt,completion\na,b\n"}, [2]string{"b.txt", "a text\n"})
	for name, want := range map[string]string{"a.txt": "a.txt is CSV, and is read as a text as it stands", "b.txt": ""} {
		text, err := LoadText(token.GPT2(), nil, 0, filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(text.Warnings(), "; "); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
