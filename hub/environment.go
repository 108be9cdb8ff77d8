package hub

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// An Access is where models are kept and who is asked for those that are not there. The
// zero value knows none.
type Access struct {
	Cache   Cache
	Remote  Remote
	Offline bool // nobody is asked
}

// Environment is the access that the environment asks for, by the variables that
// huggingface_hub 2.4 reads, with the same defaults; lookup is [os.LookupEnv] as a rule.
// A variable that is empty counts as one that is not set. Proxies are those of
// [http.ProxyFromEnvironment]. It is what the command line uses.
func Environment(lookup func(name string) (value string, set bool)) Access {
	get := func(names ...string) string {
		for _, name := range names {
			if v, _ := lookup(name); v != "" {
				return v
			}
		}
		return ""
	}
	home := get("HOME")
	if runtime.GOOS == "windows" {
		home = get("USERPROFILE")
	}
	path := func(p string) string {
		if p == "~" || strings.HasPrefix(p, "~/") {
			p = home + p[1:]
		}
		return os.Expand(p, func(name string) string {
			if v, ok := lookup(name); ok {
				return v
			}
			return "${" + name + "}"
		})
	}
	hfHome := path(cmp.Or(get("HF_HOME"), filepath.Join(cmp.Or(get("XDG_CACHE_HOME"), filepath.Join(home, ".cache")), "huggingface")))
	a := Access{
		Cache: Cache{Dir: path(cmp.Or(get("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"), filepath.Join(hfHome, "hub")))},
		Remote: Remote{
			Endpoint: cmp.Or(get("HF_ENDPOINT"), DefaultEndpoint),
			Token:    strings.TrimSpace(get("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")),
			Proxy:    http.ProxyFromEnvironment,
		},
		Offline: isTrue(get("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")),
	}
	// What "hf auth login" has written is for the hub itself; another server gets a
	// token only if HF_TOKEN is set for it.
	if a.Remote.Token == "" && strings.TrimRight(a.Remote.Endpoint, "/") == DefaultEndpoint && !isTrue(get("HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
		text, err := os.ReadFile(path(cmp.Or(get("HF_TOKEN_PATH"), filepath.Join(hfHome, "token"))))
		if err == nil && len(text) < 1<<10 {
			a.Remote.Token = strings.TrimSpace(string(text))
		}
	}
	return a
}

// isTrue is what huggingface_hub takes for yes.
func isTrue(s string) bool {
	switch strings.ToUpper(s) {
	case "1", "ON", "YES", "TRUE":
		return true
	}
	return false
}

// Find looks for a repository in the cache. It is an error if a part of it is missing there.
func (a Access) Find(repo, revision string) (Snapshot, error) {
	s, err := a.Cache.Find(repo, revision)
	if err == nil && len(s.Missing) > 0 {
		err = fmt.Errorf("%s in the cache lacks %s", repo, strings.Join(s.Missing, ", "))
	}
	return s, err
}

// Fetch is the directory of the model or the adapter of that name: what is in the cache,
// or else what is downloaded into it, unless a is Offline.
func (a Access) Fetch(ctx context.Context, repo string) (dir string, err error) {
	s, err := a.Find(repo, "")
	if err != nil && !a.Offline {
		s, err = a.Remote.Download(ctx, a.Cache, repo, "")
	}
	return s.Dir, err
}
