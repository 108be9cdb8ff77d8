package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	anchor  = regexp.MustCompile(`<a id="([^"]+)"></a>`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
)

// anchorsOf lists what a link into a page may point at: its anchors and the
// slugs that GitHub gives to its headings.
func anchorsOf(text string) map[string]int {
	ids := map[string]int{}
	for _, m := range anchor.FindAllStringSubmatch(text, -1) {
		ids[m[1]]++
	}
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		if s := slug(m[1]); ids[s] == 0 {
			ids[s]++
		}
	}
	return ids
}

// slug is the anchor that GitHub makes of a heading: lower case, spaces to
// hyphens, letters, digits, hyphens and underscores kept.
func slug(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r == ' ':
			b.WriteByte('-')
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		}
	}
	return b.String()
}

func TestLinksResolve(t *testing.T) {
	pages := chapters(t)
	for _, name := range []string{"../README.md", "../exercises/README.md"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		pages[name] = string(b)
	}
	for path, text := range pages {
		prose, _ := split(text)
		for _, m := range link.FindAllStringSubmatch(prose, -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			file, id, _ := strings.Cut(m[1], "#")
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), filepath.FromSlash(file))
			}
			b, err := os.ReadFile(target)
			if err != nil {
				if info, e := os.Stat(target); e == nil && info.IsDir() && id == "" {
					continue
				}
				t.Errorf("%s: the link %s leads nowhere: %v", path, m[1], err)
				continue
			}
			if id != "" && anchorsOf(string(b))[id] == 0 {
				t.Errorf("%s: the link %s leads to a page without that anchor", path, m[1])
			}
		}
	}
}

// TestAnchorsAreUnique: an anchor of an equation names one place in all chapters.
func TestAnchorsAreUnique(t *testing.T) {
	seen := map[string]string{}
	for path, text := range chapters(t) {
		for _, m := range anchor.FindAllStringSubmatch(text, -1) {
			if at, ok := seen[m[1]]; ok {
				t.Errorf("anchor %s is in %s and in %s", m[1], at, path)
			}
			seen[m[1]] = path
		}
	}
}
