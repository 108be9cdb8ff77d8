package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// maxTensors is the largest number of tensors that an index may list.
const maxTensors = 1 << 18

// parseIndex reads model.safetensors.index.json.
func parseIndex(text []byte) (map[string]string, error) { return parseWeightMap(text, weightsSuffix) }

// parseWeightMap reads an index and returns the file name of each tensor. It checks that every
// name has the suffix and no directory in it.
func parseWeightMap(text []byte, suffix string) (map[string]string, error) {
	o, err := parseObject(text)
	if err != nil {
		return nil, err
	}
	if o.null("weight_map") {
		return nil, errors.New("weight_map is missing: it says which file holds a tensor")
	}
	m, err := parseObject(o["weight_map"])
	if err != nil {
		return nil, fmt.Errorf("weight_map: %w", err)
	}
	if len(m) > maxTensors {
		return nil, fmt.Errorf("weight_map lists %d tensors: more than %d", len(m), maxTensors)
	}
	files := make(map[string]string, len(m))
	for name, value := range m {
		var file string
		if err := json.Unmarshal(value, &file); err != nil || string(value) == "null" {
			return nil, fmt.Errorf("weight_map: the file of %.80q is %s: it must be a string", name, m.show(name))
		}
		if err := checkShard(file, suffix); err != nil {
			return nil, err
		}
		files[name] = file
	}
	return files, nil
}

// shardsOf returns the sorted names of the files in an index.
func shardsOf(index []byte) ([]string, error) {
	files, err := parseIndex(index)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", indexFile, err)
	}
	shards, err := shardNames(files)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", indexFile, err)
	}
	return shards, nil
}

func shardNames(files map[string]string) ([]string, error) {
	var shards []string
	seen := map[string]bool{}
	for _, name := range files {
		if seen[name] {
			continue
		}
		seen[name] = true
		if shards = append(shards, name); len(shards) > maxShards {
			return nil, fmt.Errorf("it names more than %d files", maxShards)
		}
	}
	if len(shards) == 0 {
		return nil, errors.New("it names no file")
	}
	slices.Sort(shards)
	return shards, nil
}
