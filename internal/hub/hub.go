// Package hub reads files of the Hugging Face Hub, and of servers that behave like it, into the cache that
// huggingface_hub for Python uses, so that neither downloads what the other has.
//
// A reference hf://owner/name[@revision]/path names a file or folder of a model repository, and
// hf://datasets/owner/name[@revision]/path one of a data set. The revision is a branch, a tag or a commit, "main" by
// default. What is fetched is pinned: the path that [Client.Fetch] returns has the commit in it, and [Of] returns the
// reference by that commit.
//
// A file appears in the cache when it is whole and its SHA-256 (of small files: git's SHA-1) is the one that the server
// names. What was downloaded when a process ended is continued by the next one. The token goes to the server that is
// configured, and to no other, whatever redirects say.
//
// Layout of the cache: huggingface_hub, "Understand caching". Protocol: its function hf_hub_download.
package hub

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/wiseft/wiseft/internal/fault"
)

// Scheme begins a reference.
const Scheme = "hf://"

// defaultRevision is the branch that is read without a revision.
const defaultRevision = "main"

// Ref names a file or folder of a repository.
type Ref struct {
	Kind     string // "models", "datasets" or "spaces"
	Repo     string // owner/name
	Revision string // branch, tag or commit
	Path     string // with slashes; "" is the whole repository
}

// IsRef reports whether a path is a reference.
func IsRef(path string) bool { return strings.HasPrefix(path, Scheme) }

// Parse reads a reference.
func Parse(text string) (Ref, error) {
	rest, ok := strings.CutPrefix(text, Scheme)
	bad := func(why string) error {
		return fault.Usagef("%s: %s", text, why).WithHint("write hf://owner/name[@revision]/path, or hf://datasets/owner/name/path")
	}
	if !ok {
		return Ref{}, bad("does not begin with " + Scheme)
	}
	r := Ref{Kind: "models", Revision: defaultRevision}
	for _, kind := range []string{"models", "datasets", "spaces"} {
		if inner, ok := strings.CutPrefix(rest, kind+"/"); ok {
			r.Kind, rest = kind, inner
			break
		}
	}
	owner, rest, ok1 := strings.Cut(rest, "/")
	name, inner, _ := strings.Cut(rest, "/")
	name, revision, pinned := strings.Cut(name, "@")
	if !ok1 || !isName(owner) || !isName(name) {
		return Ref{}, bad("has no owner and name of a repository")
	}
	if pinned {
		var err error
		if r.Revision, err = url.PathUnescape(revision); err != nil || revision == "" { // refs%2Fpr%2F1
			return Ref{}, bad("has no revision behind @")
		}
	}
	r.Repo, r.Path = owner+"/"+name, path.Clean("/" + inner)[1:]
	for part := range strings.SplitSeq(inner, "/") {
		if part == ".." || strings.ContainsAny(part, "\\\x00") {
			return Ref{}, bad("leads out of the repository")
		}
	}
	return r, nil
}

// isName reports whether a text may be a repository's owner or name.
func isName(s string) bool {
	for _, c := range s {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_.", c)) {
			return false
		}
	}
	return s != "" && s[0] != '.' && !strings.Contains(s, "--")
}

// String returns the reference as it is written.
func (r Ref) String() string {
	kind, revision := "", ""
	if r.Kind != "models" {
		kind = r.Kind + "/"
	}
	if r.Revision != defaultRevision {
		revision = "@" + url.PathEscape(r.Revision)
	}
	return strings.TrimSuffix(Scheme+kind+r.Repo+revision+"/"+r.Path, "/")
}

// folder is the name of the repository's folder in the cache.
func (r Ref) folder() string { return r.Kind + "--" + strings.ReplaceAll(r.Repo, "/", "--") }

// Of returns the reference, with its commit, of a file that lies in a cache. ok is false for other files.
func Of(file string) (r Ref, ok bool) {
	parts := strings.Split(filepath.ToSlash(file), "/")
	for i := len(parts) - 3; i >= 0; i-- {
		kind, repo, found := strings.Cut(parts[i], "--")
		owner, name, named := strings.Cut(repo, "--")
		if !found || !named || parts[i+1] != "snapshots" || !isCommit(parts[i+2]) {
			continue
		}
		if kind != "models" && kind != "datasets" && kind != "spaces" {
			continue
		}
		return Ref{Kind: kind, Repo: owner + "/" + name, Revision: parts[i+2], Path: strings.Join(parts[i+3:], "/")}, true
	}
	return Ref{}, false
}

// isCommit reports whether a revision is a whole commit hash, which never names anything else.
func isCommit(revision string) bool { return isHex(revision, 40) }

func isHex(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "0123456789abcdef") == ""
}

// Client fetches files. Its methods may be called concurrently.
type Client struct {
	Endpoint string // https://huggingface.co
	Token    string // "" is none
	Cache    string // folder
	Offline  bool   // only the cache is read

	// Note receives what should be known, Progress the bytes of a file that are there; nil drops them.
	Note     func(line string)
	Progress func(file string, done, total int64)

	http  *http.Client
	stall time.Duration                                    // how long a body may bring nothing
	wait  func(ctx context.Context, d time.Duration) error // before another try

	answered sync.Map // hosts that have
}

// FromEnv returns a client with the settings of huggingface_hub: HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH,
// HF_HUB_DISABLE_IMPLICIT_TOKEN, HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME and HF_HUB_OFFLINE.
func FromEnv(getenv func(string) string) (*Client, error) {
	home := getenv("HF_HOME")
	if home == "" {
		cache := getenv("XDG_CACHE_HOME")
		if cache == "" {
			user, err := os.UserHomeDir()
			if err != nil {
				return nil, fault.New(fault.Failed, "the Hub's cache has no place: %w", err).WithHint("set HF_HOME")
			}
			cache = filepath.Join(user, ".cache")
		}
		home = filepath.Join(cache, "huggingface")
	}
	c := &Client{Endpoint: strings.TrimSuffix(getenv("HF_ENDPOINT"), "/"), Cache: getenv("HF_HUB_CACHE"),
		Offline: isTrue(getenv("HF_HUB_OFFLINE")), Token: strings.TrimSpace(getenv("HF_TOKEN"))}
	if c.Endpoint == "" {
		c.Endpoint = "https://huggingface.co"
	}
	if c.Cache == "" {
		c.Cache = filepath.Join(home, "hub")
	}
	if c.Token == "" && !isTrue(getenv("HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
		file := getenv("HF_TOKEN_PATH")
		if file == "" {
			file = filepath.Join(home, "token")
		}
		if text, err := os.ReadFile(file); err == nil {
			c.Token = strings.TrimSpace(string(text))
		}
	}
	if u, err := url.Parse(c.Endpoint); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fault.Usagef("HF_ENDPOINT %q is no address of a server", c.Endpoint)
	}
	return c, nil
}

// isTrue reads a switch as huggingface_hub does.
func isTrue(value string) bool {
	switch strings.ToUpper(value) {
	case "1", "ON", "YES", "TRUE":
		return true
	}
	return false
}

func (c *Client) note(format string, args ...any) {
	if c.Note != nil {
		c.Note(fmt.Sprintf(format, args...))
	}
}

func (c *Client) progress(file string, done, total int64) {
	if c.Progress != nil {
		c.Progress(file, done, total)
	}
}
