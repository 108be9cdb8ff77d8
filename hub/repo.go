package hub

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// maxRepoName is the largest length of OWNER or NAME that the hub allows.
const maxRepoName = 96

// CheckRepo returns an error if repo is not a valid name of a repository, such as "gpt2" or
// "openai-community/gpt2". The rules are those of huggingface_hub 2.4: letters, digits,
// '-', '_' and '.'.
func CheckRepo(repo string) error {
	parts := strings.Split(repo, "/")
	if len(parts) > 2 {
		return fmt.Errorf("%q is not a model's name: it has the form NAME or OWNER/NAME", repo)
	}
	for _, p := range parts {
		if p == "" || len(p) > maxRepoName {
			return fmt.Errorf("%q is not a model's name: each part has 1 to %d characters", repo, maxRepoName)
		}
		for _, c := range []byte(p) {
			if !isWord(c) && c != '-' && c != '.' {
				return fmt.Errorf("%q is not a model's name: %q is not a letter, a digit, '-', '_' or '.'", repo, c)
			}
		}
		if !isWord(p[0]) || !isWord(p[len(p)-1]) {
			return fmt.Errorf("%q is not a model's name: a part begins and ends with a letter, a digit or '_'", repo)
		}
	}
	if strings.Contains(repo, "--") || strings.Contains(repo, "..") || strings.HasSuffix(repo, ".git") {
		return fmt.Errorf(`%q is not a model's name: it may not contain "--" or "..", nor end with ".git"`, repo)
	}
	return nil
}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// CheckRevision returns an error if revision cannot be the name of a branch, a tag or a
// commit. A valid one is safe as a path below refs and as a part of a URL.
func CheckRevision(revision string) error {
	bad := revision == "" || len(revision) > 255 || !fs.ValidPath(revision) || revision == "."
	for _, c := range []byte(revision) {
		bad = bad || c <= ' ' || c == 0x7f || strings.IndexByte(`\:?*"<>|`, c) >= 0
	}
	if bad {
		return fmt.Errorf("%q is not a revision: give a branch, a tag or a commit", revision)
	}
	return nil
}

// isHex says whether s is n lower-case hexadecimal digits.
func isHex(s string, n int) bool {
	if len(s) != n {
		return false
	}
	for _, c := range []byte(s) {
		if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f') {
			return false
		}
	}
	return true
}

// isCommit says whether revision is the full hash of a commit.
func isCommit(revision string) bool { return isHex(revision, 40) }

// folderOf returns the directory of a repository in the cache.
func folderOf(repo string) string { return "models--" + strings.ReplaceAll(repo, "/", "--") }

// The files of a model and of an adapter.
const (
	configFile      = "config.json"
	weightsFile     = "model.safetensors"
	indexFile       = "model.safetensors.index.json"
	adapterConfig   = "adapter_config.json"
	adapterWeights  = "adapter_model.safetensors"
	generationFile  = "generation_config.json"
	pickledWeights  = "pytorch_model.bin"
	pickledAdapter  = "adapter_model.bin"
	weightsSuffix   = ".safetensors"
	pickledIndex    = "pytorch_model.bin.index.json"
	pickledSuffix   = ".bin"
	maxSmallFile    = 64 << 20 // config, tokenizer, index: GPT-2's largest has 1.4 MB
	maxListing      = 16 << 20
	maxShards       = 10000
	defaultRevision = "main"
)

// alsoNeeded are small files that are downloaded if the repository has them.
var alsoNeeded = []string{
	generationFile, "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
	"added_tokens.json", "tokenizer.model", "vocab.json", "merges.txt", "chat_template.jinja",
}

// checkShard returns an error if name, from an index, is not a plain file name with the
// suffix.
func checkShard(name, suffix string) error {
	if !fs.ValidPath(name) || path.Base(name) != name || strings.ContainsAny(name, "\\:\x00") ||
		len(name) > 255 || !strings.HasSuffix(name, suffix) {
		return fmt.Errorf("it names the file %.80q: it must be a %s file beside it", name, suffix)
	}
	return nil
}
