package main

import (
	"cmp"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/pedestrian-ml/pedestrian/hub"
)

// hubSettings is what the environment says about models that other people share.
type hubSettings struct {
	cache    hub.Cache
	endpoint string
	token    string
	offline  bool
}

// hubEnvironment reads the variables that huggingface_hub 2.4 reads, with the same
// defaults. An empty variable counts as one that is not set.
func hubEnvironment() hubSettings {
	home, _ := os.UserHomeDir()
	path := func(p string) string {
		if p == "~" || strings.HasPrefix(p, "~/") {
			p = home + p[1:]
		}
		return os.Expand(p, func(name string) string {
			if v, ok := os.LookupEnv(name); ok {
				return v
			}
			return "${" + name + "}"
		})
	}
	hfHome := path(cmp.Or(os.Getenv("HF_HOME"), filepath.Join(cmp.Or(os.Getenv("XDG_CACHE_HOME"), filepath.Join(home, ".cache")), "huggingface")))
	s := hubSettings{
		cache:    hub.Cache{Dir: path(cmp.Or(os.Getenv("HF_HUB_CACHE"), os.Getenv("HUGGINGFACE_HUB_CACHE"), filepath.Join(hfHome, "hub")))},
		endpoint: cmp.Or(os.Getenv("HF_ENDPOINT"), hub.DefaultEndpoint),
		token:    strings.TrimSpace(cmp.Or(os.Getenv("HF_TOKEN"), os.Getenv("HUGGING_FACE_HUB_TOKEN"))),
		offline:  isTrue(cmp.Or(os.Getenv("HF_HUB_OFFLINE"), os.Getenv("TRANSFORMERS_OFFLINE"))),
	}
	// What "hf auth login" has written is for the hub itself; another server gets a
	// token only if HF_TOKEN is set for it.
	if s.token == "" && strings.TrimRight(s.endpoint, "/") == hub.DefaultEndpoint && !isTrue(os.Getenv("HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
		text, err := os.ReadFile(path(cmp.Or(os.Getenv("HF_TOKEN_PATH"), filepath.Join(hfHome, "token"))))
		if err == nil && len(text) < 1<<10 {
			s.token = strings.TrimSpace(string(text))
		}
	}
	return s
}

// isTrue is what huggingface_hub takes for yes.
func isTrue(s string) bool {
	switch strings.ToUpper(s) {
	case "1", "ON", "YES", "TRUE":
		return true
	}
	return false
}

func (s hubSettings) remote() hub.Remote {
	return hub.Remote{Endpoint: s.endpoint, Token: s.token, Proxy: http.ProxyFromEnvironment}
}
