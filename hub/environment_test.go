package hub

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEnvironment(t *testing.T) {
	home := t.TempDir()
	set := map[string]string{"HOME": home, "USERPROFILE": home, "HF_ENDPOINT": ""}
	lookup := func(name string) (string, bool) { v, ok := set[name]; return v, ok }
	for _, test := range []struct{ name, value, cache string }{
		{"HF_HOME", "", home + "/.cache/huggingface/hub"},
		{"XDG_CACHE_HOME", "/x", "/x/huggingface/hub"},
		{"HF_HOME", "~/hf", home + "/hf/hub"},
		{"HUGGINGFACE_HUB_CACHE", "/old", "/old"},
		{"HF_HUB_CACHE", "$HOME/${HF_ENDPOINT}models", home + "/models"},
		{"HF_HUB_CACHE", "/a/$NO_SUCH_NAME", "/a/${NO_SUCH_NAME}"},
	} {
		set[test.name] = test.value
		if got := Environment(lookup).Cache.Dir; got != test.cache {
			t.Errorf("with %s=%s the cache is %s, want %s", test.name, test.value, got, test.cache)
		}
	}
	set["HF_HOME"] = home
	if err := os.WriteFile(filepath.Join(home, "token"), []byte("hf_stored\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if a := Environment(lookup); a.Remote.Token != "hf_stored" || a.Offline || a.Remote.Endpoint != DefaultEndpoint {
		t.Errorf("with a stored token: %+v", a)
	}
	set["HF_ENDPOINT"] = "https://mirror.example.com"
	if a := Environment(lookup); a.Remote.Token != "" {
		t.Error("another endpoint gets the token that was stored for the hub")
	}
	set["HF_TOKEN"], set["TRANSFORMERS_OFFLINE"] = "hf_mirror", "yes"
	if a := Environment(lookup); a.Remote.Token != "hf_mirror" || !a.Offline || a.Remote.Endpoint != "https://mirror.example.com" {
		t.Errorf("with HF_TOKEN, offline, at a mirror: %+v", a)
	}
}

// LoadModel takes directories, and says what to do with a name; Fetch finds what is there.
func TestNamesAreFetched(t *testing.T) {
	if _, err := LoadModel("someone/small"); err == nil || !strings.Contains(err.Error(), "Access.Fetch finds or downloads it") {
		t.Errorf("LoadModel of a name: %v", err)
	}
	dir := t.TempDir()
	snapshot := filepath.Join(dir, "models--someone--small", "snapshots", strings.Repeat("a", 40))
	for name, text := range map[string]string{
		filepath.Join(snapshot, configFile): "{}", filepath.Join(snapshot, weightsFile): "",
		filepath.Join(dir, "models--someone--small", "refs", "main"): strings.Repeat("a", 40),
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	a := Access{Cache: Cache{Dir: dir}, Offline: true}
	if got, err := a.Fetch(t.Context(), "someone/small"); err != nil || got != snapshot {
		t.Errorf("Fetch of what is there: %q, %v", got, err)
	}
	if _, err := a.Fetch(t.Context(), "someone/else"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Fetch of what is not there, offline: %v", err)
	}
}
