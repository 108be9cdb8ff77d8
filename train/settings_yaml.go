package train

import (
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxSettingsFile is the largest size of a settings file in bytes. A file with all settings has
// about 2 kB.
const maxSettingsFile = 1 << 20

// ReadOptions reads a YAML file of settings with lines such as "width: 128". It starts from the
// given preset; if that is "", from the one that the file's line "preset:" names; without such
// a line, from the first of Presets. Unknown keys, repeated keys, and values that are not
// plain scalars are errors.
func ReadOptions(path, preset string) (Options, error) {
	text, err := readSettings(path)
	if err != nil {
		return Options{}, err
	}
	return ParseOptions(text, path, preset)
}

// ReadTuning reads a YAML file of TuningSettings in the same way. It starts from o.
func ReadTuning(path string, o Options) (Options, error) {
	text, err := readSettings(path)
	if err != nil {
		return o, err
	}
	lines, err := parseSettings(text, path)
	if err != nil {
		return o, err
	}
	return o, o.setLines(lines, path)
}

// SettingsIn returns the names of the settings that a YAML file sets.
func SettingsIn(path string) (names []string, err error) {
	text, err := readSettings(path)
	if err != nil {
		return nil, err
	}
	lines, err := parseSettings(text, path)
	for _, l := range lines {
		names = append(names, l.key)
	}
	return names, err
}

func readSettings(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading settings: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxSettingsFile {
		return nil, fmt.Errorf("reading settings: %s is not a file of at most %d bytes", path, maxSettingsFile)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading settings: %w", err)
	}
	return text, nil
}

// ParseOptions is ReadOptions for the text of a file with the given name.
func ParseOptions(text []byte, name, preset string) (Options, error) {
	lines, err := parseSettings(text, name)
	if err != nil {
		return Options{}, err
	}
	at := 1
	for i, l := range lines {
		if l.key != "preset" {
			continue
		}
		at = l.line
		if preset == "" {
			preset = l.value
		}
		lines = append(lines[:i:i], lines[i+1:]...)
		break
	}
	if preset == "" {
		preset = Presets()[0].Name
	}
	o, err := PresetOptions(preset)
	if err != nil {
		return Options{}, fmt.Errorf("%s:%d: %w", name, at, err)
	}
	if err := o.setLines(lines, name); err != nil {
		return Options{}, err
	}
	return o, nil
}

// A settingLine is "key: value" and its line number.
type settingLine struct {
	key, value string
	line       int
}

// setLines applies the lines of the file with the given name to o.
func (o *Options) setLines(lines []settingLine, name string) error {
	for _, l := range lines {
		if err := o.Set(l.key, l.value); err != nil {
			return fmt.Errorf("%s:%d: %w", name, l.line, err)
		}
	}
	return nil
}

// parseSettings returns the lines of a settings file with the given name.
func parseSettings(text []byte, name string) (lines []settingLine, err error) {
	fail := func(line int, format string, args ...any) ([]settingLine, error) {
		return nil, fmt.Errorf("%s:%d: %w", name, line, fmt.Errorf(format, args...))
	}
	var doc yaml.Node
	dec := yaml.NewDecoder(strings.NewReader(string(text)))
	if err := dec.Decode(&doc); err != nil && len(strings.TrimSpace(string(text))) > 0 {
		return nil, fmt.Errorf("%s is not YAML: %w", name, err)
	}
	if err := dec.Decode(new(yaml.Node)); err == nil {
		return fail(1, "more than one YAML document: a settings file has one")
	}
	root := &yaml.Node{Kind: yaml.MappingNode}
	if len(doc.Content) == 1 {
		root = doc.Content[0]
	}
	if root.Kind != yaml.MappingNode {
		return fail(root.Line, `not a list of settings: write "width: 128" and so on, one a line`)
	}
	seen := map[string]int{}
	for i := 0; i < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if first, twice := seen[key.Value]; twice {
			return fail(key.Line, "%s was given before, on line %d", key.Value, first)
		}
		seen[key.Value] = key.Line
		if value.Kind != yaml.ScalarNode || value.Tag == "!!null" {
			return fail(value.Line, "%s has no single value", key.Value)
		}
		lines = append(lines, settingLine{key.Value, value.Value, key.Line})
	}
	return lines, nil
}
