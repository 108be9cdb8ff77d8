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

// An Access says in which cache models are, and from which server missing ones are
// downloaded. The zero value has no cache directory.
type Access struct {
	Cache   Cache  // where models are found, and where downloads go
	Remote  Remote // the server
	Offline bool   // Fetch downloads nothing
}

// Environment returns the Access that the environment variables describe. It reads the
// variables of huggingface_hub 2.4 and has the same defaults. lookup is normally
// [os.LookupEnv]. An empty variable counts as unset. The proxy is that of
// [http.ProxyFromEnvironment]. The command line uses Environment.
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
	// The file that "hf auth login" writes holds a token for the hub itself. For another
	// server only a token in HF_TOKEN is used.
	if a.Remote.Token == "" && strings.TrimRight(a.Remote.Endpoint, "/") == DefaultEndpoint && !isTrue(get("HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
		text, err := os.ReadFile(path(cmp.Or(get("HF_TOKEN_PATH"), filepath.Join(hfHome, "token"))))
		if err == nil && len(text) < 1<<10 {
			a.Remote.Token = strings.TrimSpace(string(text))
		}
	}
	return a
}

// isTrue says whether huggingface_hub takes s for true.
func isTrue(s string) bool {
	switch strings.ToUpper(s) {
	case "1", "ON", "YES", "TRUE":
		return true
	}
	return false
}

// Find looks up a repository in the cache; "" as the revision means main. It is an error if
// the cache lacks the repository or a part of it.
func (a Access) Find(repo, revision string) (Snapshot, error) {
	s, err := a.Cache.Find(repo, revision)
	if err == nil && len(s.Missing) > 0 {
		err = fmt.Errorf("%s in the cache lacks %s", repo, strings.Join(s.Missing, ", "))
	}
	return s, err
}

// Fetch returns the directory of a model or an adapter in the cache, at main. If the cache
// does not have it completely, Fetch downloads it, unless a is Offline.
func (a Access) Fetch(ctx context.Context, repo string) (dir string, err error) {
	s, err := a.Find(repo, "")
	if err != nil && !a.Offline {
		s, err = a.Remote.Download(ctx, a.Cache, repo, "")
	}
	return s.Dir, err
}
