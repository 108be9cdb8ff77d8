package corpus

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzFormats: whatever is in a file, it is recognised and read, or refused on one line
// that names it; and so as each format that it may be said to be.
func FuzzFormats(f *testing.F) {
	for _, s := range []string{
		"[{\"text\":\"a\"},\n{\"text\":\"b\"}]", "[[[[{\"a\":[", "prompt,completion\n\"a\"\"\",b\n", "instruction\tinput\toutput\na\t\tb\n",
		"a;prompt;completion\n;b;c\n", "{\"conversations\":[{\"from\":\"human\",\"value\":\"a\"},{\"from\":\"gpt\",\"value\":\"b\",\"weight\":0}]}",
		"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", "\x28\xb5\x2f\xfd\x04\x00", "PAR1", "messages\n\"[]\"\n", "\xef\xbb\xbf[", "text", "@",
	} {
		f.Add([]byte(s))
	}
	for _, name := range []string{"chats-snappy", "chats-zstd-v2"} {
		data, err := os.ReadFile("../parquet/testdata/" + name + ".parquet")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "a")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		for _, format := range append(Formats(), FormatAuto) {
			err := ReadRecords(path, format, "<|endoftext|>", func(r Record) error {
				if r.Kind == "" || r.Text+r.Prompt == "" && len(r.Messages) == 0 {
					t.Errorf("%s: nothing: %+v", format, r)
				}
				return nil
			})
			if err != nil && (strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "read examples: "+path)) {
				t.Errorf("%s: %q", format, err)
			}
		}
	})
}
