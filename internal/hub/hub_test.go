package hub

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/hub/hubtest"
)

// client reads from a server and does not wait; waits receives how long it would.
func client(t *testing.T, s *hubtest.Server) (c *Client, waits *[]time.Duration) {
	t.Helper()
	waits = new([]time.Duration)
	return &Client{Endpoint: s.URL(), Cache: filepath.Join(t.TempDir(), "hub"), Token: hubtest.Token, stall: 10 * time.Second,
		wait: func(ctx context.Context, d time.Duration) error {
			*waits = append(*waits, d)
			return ctx.Err()
		}}, waits
}

func ref(t *testing.T, text string) Ref {
	t.Helper()
	r, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func check(t *testing.T, file, want string, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != want {
		t.Fatalf("%s: %d bytes, want %d (%v)", file, len(got), len(want), err)
	}
}

var large = strings.Repeat("0123456789", 50_000)

func files() map[string]string {
	return map[string]string{"onnx/model.onnx": large, "onnx/model weights.bin": large[1:], "config.json": "{}"}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Ref{
		"hf://org/net/model.onnx":                          {"models", "org/net", "main", "model.onnx"},
		"hf://models/org/net@v1/a/b.onnx":                  {"models", "org/net", "v1", "a/b.onnx"},
		"hf://datasets/org/set":                            {"datasets", "org/set", "main", ""},
		"hf://org/net@refs%2Fpr%2F1/model.onnx":            {"models", "org/net", "refs/pr/1", "model.onnx"},
		"hf://org/net@" + hubtest.FirstCommit + "/a//b/./": {"models", "org/net", hubtest.FirstCommit, "a/b"},
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"hf://", "hf://org", "hf://org/", "hf:///net/x", "hf://org/net@/x", "hf://org/net/../x", "x",
		"hf://org/net/a/../../../x", `hf://org/net/a\b`, "hf://../net/x", "hf://or g/net/x", "hf://org/a--b/x"} {
		if got, err := Parse(text); fault.KindOf(err) != fault.Usage {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"hf://org/net@v1/a/b.onnx", "hf://datasets/org/set", "hf://org/net@refs%2Fpr%2F1/m.onnx"} {
		if got := ref(t, text).String(); got != text {
			t.Errorf("%s is written as %s", text, got)
		}
	}
}

// Files appear in the layout of huggingface_hub, are pinned, and cost no request when they are there.
func TestFetch(t *testing.T) {
	t.Parallel()
	s := hubtest.New(t, files())
	c, _ := client(t, s)
	file, err := c.Fetch(t.Context(), ref(t, "hf://org/net/onnx/model.onnx"))
	check(t, file, large, err)
	if want := filepath.Join(c.Cache, "models--org--net", "snapshots", hubtest.FirstCommit, "onnx", "model.onnx"); file != want {
		t.Errorf("got %s, want %s", file, want)
	}
	if to, err := os.Readlink(file); err != nil || to != "../../../blobs/"+hubtest.Hash(large) {
		t.Errorf("it is a link to %s (%v)", to, err)
	}
	if commit, err := os.ReadFile(filepath.Join(c.Cache, "models--org--net", "refs", "main")); string(commit) != hubtest.FirstCommit {
		t.Errorf("main is %s (%v)", commit, err)
	}
	pinned, ok := Of(file)
	if !ok || pinned.String() != "hf://org/net@"+hubtest.FirstCommit+"/onnx/model.onnx" {
		t.Errorf("it is %s", pinned)
	}
	if s.TokenLed() {
		t.Error("the token reached another host")
	}
	if got := s.Requests(); len(got) != 3 { // metadata, redirect, file
		t.Errorf("%q", got)
	}
	again, err := c.Fetch(t.Context(), pinned)
	if check(t, again, large, err); len(s.Requests()) != 0 || again != file {
		t.Error("a pinned file that is there is asked for")
	}
	if again, err = c.Fetch(t.Context(), ref(t, "hf://org/net/onnx/model.onnx")); len(s.Requests()) != 1 || again != file {
		t.Errorf("a branch takes more than one request (%v)", err)
	}
	small, err := c.Fetch(t.Context(), ref(t, "hf://org/net@refs%2Fpr%2F1/config.json"))
	check(t, small, "{}", err)
	renamed, err := c.Fetch(t.Context(), ref(t, "hf://org/old/onnx/model%20weights.bin"))
	if err == nil {
		t.Errorf("%s: a name is unescaped", renamed)
	}
	renamed, err = c.Fetch(t.Context(), ref(t, "hf://org/old/onnx/model weights.bin"))
	check(t, renamed, large[1:], err)

	s.SetCommit(hubtest.SecondCommit)
	s.Requests()
	moved, err := c.Fetch(t.Context(), ref(t, "hf://org/net/onnx/model.onnx"))
	if check(t, moved, large, err); !strings.Contains(moved, hubtest.SecondCommit) || len(s.Requests()) != 1 {
		t.Errorf("%s: a new commit with the same file loads it again", moved)
	}
}

// A folder is fetched with all its files, over several pages of the list, at one commit.
func TestFetchFolder(t *testing.T) {
	t.Parallel()
	s := hubtest.New(t, files())
	c, _ := client(t, s)
	for i, name := range []string{"hf://org/net/onnx", "hf://org/net"} { // a part, and then all
		want := 2 + i
		dir, err := c.Fetch(t.Context(), ref(t, name))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, file := range slices.Sorted(maps.Keys(files())) {
			if got, err := os.ReadFile(filepath.Join(strings.TrimSuffix(dir, "onnx"), file)); err == nil && string(got) == files()[file] {
				n++
			}
		}
		if n != want {
			t.Errorf("%s: %d files, want %d", name, n, want)
		}
	}
	s.Requests()
	c.Offline = true
	if _, err := c.Fetch(t.Context(), ref(t, "hf://org/net/onnx")); err != nil || len(s.Requests()) > 0 {
		t.Errorf("without the server: %v", err)
	}
	c.Offline = false
	if _, err := c.Fetch(t.Context(), ref(t, "hf://org/net/none")); fault.KindOf(err) != fault.Input {
		t.Errorf("got %v", err)
	}
}

// A folder of which a file is there does not count as one that was fetched.
func TestPartOfAFolder(t *testing.T) {
	t.Parallel()
	s := hubtest.New(t, files())
	c, _ := client(t, s)
	if _, err := c.Fetch(t.Context(), ref(t, "hf://org/net/onnx/model.onnx")); err != nil {
		t.Fatal(err)
	}
	c.Offline = true
	if dir, err := c.Fetch(t.Context(), ref(t, "hf://org/net/onnx")); err == nil {
		t.Errorf("%s is used", dir)
	}
	c.Offline = false
	dir, err := c.Fetch(t.Context(), ref(t, "hf://org/net@"+hubtest.FirstCommit+"/onnx"))
	check(t, filepath.Join(dir, "model weights.bin"), large[1:], err)
}

// Every fault is survived, or refused clearly; nothing half is ever under the name of the file.
func TestFaults(t *testing.T) {
	t.Parallel()
	once := func(fault func(w http.ResponseWriter, r *http.Request) bool) func(http.ResponseWriter, *http.Request) bool {
		var mu sync.Mutex
		done := false
		return func(w http.ResponseWriter, r *http.Request) bool {
			mu.Lock()
			defer mu.Unlock()
			if done {
				return false
			}
			answered := true
			defer func() { done = answered }() // also if the connection is cut
			answered = fault(w, r)
			return answered
		}
	}
	isCDN := func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/onnx") }
	status := func(code int, headers ...string) func(w http.ResponseWriter, r *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			for i := 0; i < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.WriteHeader(code)
			return true
		}
	}
	for name, test := range map[string]struct {
		set  func(s *hubtest.Server, c *Client)
		want string // of the error; "" is none
		kind fault.Kind
	}{
		"busy once":   {func(s *hubtest.Server, _ *Client) { s.Fault = once(status(429, "Retry-After", "7")) }, "", 0},
		"broken once": {func(s *hubtest.Server, _ *Client) { s.Fault = once(status(503)) }, "", 0},
		"busy":        {func(s *hubtest.Server, _ *Client) { s.Fault = status(429) }, "no more requests for now (429)", fault.Failed},
		"broken":      {func(s *hubtest.Server, _ *Client) { s.Fault = status(500) }, "500 Internal", fault.Failed},
		"private": {func(s *hubtest.Server, c *Client) { s.Private, c.Token = true, "" },
			"there is no such repository", fault.Input},
		"gated":     {func(s *hubtest.Server, _ *Client) { s.Gated = true }, "is gated", fault.Failed},
		"forbidden": {func(s *hubtest.Server, _ *Client) { s.Fault = status(403) }, "forbids it", fault.Failed},
		"no hash":   {func(s *hubtest.Server, _ *Client) { s.NoHash = "onnx/model.onnx" }, "neither the commit nor a hash", fault.Failed},
		"bad commit": {func(s *hubtest.Server, _ *Client) {
			s.Fault = status(200, "X-Repo-Commit", "../../../x", "Etag", hubtest.Hash(""))
		}, "neither the commit nor a hash", fault.Failed},
		"bad hash": {func(s *hubtest.Server, _ *Client) {
			s.Fault = status(200, "X-Repo-Commit", hubtest.FirstCommit, "Etag", "../../x")
		}, "neither the commit nor a hash", fault.Failed},
		"other bytes": {func(s *hubtest.Server, _ *Client) { s.Stored["onnx/model.onnx"] = large[:len(large)-1] + "!" },
			"its hash is", fault.Failed},
		"ends early": {func(s *hubtest.Server, _ *Client) { s.Stored["onnx/model.onnx"] = large[:100_000] },
			"unexpected EOF", fault.Failed},
		"cut once": {func(s *hubtest.Server, _ *Client) {
			s.Fault = once(func(w http.ResponseWriter, r *http.Request) bool {
				if !isCDN(r) {
					return false
				}
				hubtest.Cut(w, large, 0, 200_000)
				return true
			})
		}, "", 0},
		"cut always, with progress": {func(s *hubtest.Server, _ *Client) {
			s.Fault = func(w http.ResponseWriter, r *http.Request) bool {
				from := hubtest.From(r)
				if !isCDN(r) || from > 400_000 {
					return false
				}
				hubtest.Cut(w, large, from, 50_000)
				return true
			}
		}, "", 0},
		"cut, and no ranges": {func(s *hubtest.Server, _ *Client) {
			s.Ranges = false
			s.Fault = once(func(w http.ResponseWriter, r *http.Request) bool {
				if !isCDN(r) {
					return false
				}
				hubtest.Cut(w, large, 0, 100_000)
				return true
			})
		}, "", 0},
		"redirects without end": {func(s *hubtest.Server, _ *Client) {
			s.Fault = func(w http.ResponseWriter, r *http.Request) bool {
				http.Redirect(w, r, r.URL.Path, http.StatusFound)
				return true
			}
		}, "redirects", fault.Failed},
		"another revision": {func(s *hubtest.Server, _ *Client) { s.Fault = status(404, "X-Error-Code", "RevisionNotFound") },
			"no revision", fault.Input},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := hubtest.New(t, files())
			c, waits := client(t, s)
			test.set(s, c)
			file, err := c.Fetch(t.Context(), ref(t, "hf://org/net/onnx/model.onnx"))
			if test.want == "" {
				check(t, file, large, err)
				if name == "busy once" && (len(*waits) != 1 || (*waits)[0] != 7*time.Second) {
					t.Errorf("waited %v", *waits)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || fault.KindOf(err) != test.kind {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
			for _, dir := range []string{"blobs", "snapshots"} {
				found, err := filepath.Glob(filepath.Join(c.Cache, "models--org--net", dir, "*"))
				if err != nil {
					t.Fatal(err)
				}
				for _, left := range found {
					if !strings.HasSuffix(left, ".incomplete") {
						t.Errorf("%s is left", left)
					}
				}
			}
			if s.TokenLed() {
				t.Error("the token reached another host")
			}
		})
	}
}

// A download that a killed process left is continued, even if its bytes are wrong.
func TestContinues(t *testing.T) {
	t.Parallel()
	for name, left := range map[string]string{"right": large[:300_000], "wrong": strings.Repeat("x", 300_000),
		"whole": large, "too long": large + large} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := hubtest.New(t, files())
			c, _ := client(t, s)
			blobs := filepath.Join(c.Cache, "models--org--net", "blobs")
			if err := os.MkdirAll(blobs, 0o777); err != nil {
				t.Fatal(err)
			}
			part := filepath.Join(blobs, hubtest.Hash(large)+".incomplete")
			if err := os.WriteFile(part, []byte(left), 0o666); err != nil {
				t.Fatal(err)
			}
			file, err := c.Fetch(t.Context(), ref(t, "hf://org/net/onnx/model.onnx"))
			check(t, file, large, err)
			log := s.Requests()
			if name == "right" && !strings.HasSuffix(log[len(log)-1], "bytes=300000-") {
				t.Errorf("%q", log)
			}
			if _, err := os.Stat(part); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the part is left (%v)", err)
			}
		})
	}
}

// A file of another size than the server's is not used.
func TestShortBlob(t *testing.T) {
	t.Parallel()
	s := hubtest.New(t, files())
	c, _ := client(t, s)
	blob := filepath.Join(c.Cache, "models--org--net", "blobs", hubtest.Hash(large))
	if err := errors.Join(os.MkdirAll(filepath.Dir(blob), 0o777), os.WriteFile(blob, []byte(large[1:]), 0o666)); err != nil {
		t.Fatal(err)
	}
	file, err := c.Fetch(t.Context(), ref(t, "hf://org/net/onnx/model.onnx"))
	check(t, file, large, err)
}

// Without the server, what the cache has of a branch is used, and said.
func TestOffline(t *testing.T) {
	t.Parallel()
	s := hubtest.New(t, files())
	c, _ := client(t, s)
	at := ref(t, "hf://org/net/onnx/model.onnx")
	c.Offline = true
	if _, err := c.Fetch(t.Context(), at); err == nil || !strings.Contains(err.Error(), "HF_HUB_OFFLINE") {
		t.Errorf("got %v", err)
	}
	c.Offline = false
	if _, err := c.Fetch(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	s.Close()
	var notes []string
	c.Note = func(line string) { notes = append(notes, line) }
	file, err := c.Fetch(t.Context(), at)
	check(t, file, large, err)
	if len(notes) != 1 || !strings.Contains(notes[0], hubtest.FirstCommit) {
		t.Errorf("said %q", notes)
	}
	if _, err := c.Fetch(t.Context(), ref(t, "hf://org/net/config.json")); err == nil || !strings.Contains(err.Error(), "is not in the cache") {
		t.Logf("got %v", err)
	}
}

// A server that refuses connections, or never answers, is not tried again, and one that has answered before is.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	at := ref(t, "hf://org/net/onnx/model.onnx")
	for name, test := range map[string]struct {
		prepare func(s *hubtest.Server, c *Client)
		waits   int
	}{
		"refused": {func(s *hubtest.Server, _ *Client) { s.Close() }, 0},
		"silent": {func(_ *hubtest.Server, c *Client) {
			c.Endpoint = "http://" + silent.Addr().String()
			c.http = &http.Client{Transport: &http.Transport{ResponseHeaderTimeout: 50 * time.Millisecond}}
		}, 0},
		"away": {func(s *hubtest.Server, c *Client) {
			if _, err := c.Fetch(t.Context(), ref(t, "hf://org/net/config.json")); err != nil {
				t.Error(err)
			}
			s.Close()
		}, maxTries - 1},
		"large files refused": {func(s *hubtest.Server, _ *Client) { s.CloseLarge() }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := hubtest.New(t, files())
			c, waits := client(t, s)
			test.prepare(s, c)
			_, err := c.Fetch(t.Context(), at)
			if err == nil || !strings.Contains(err.Error(), "cannot be reached") || len(*waits) != test.waits {
				t.Errorf("got %v after waiting %d times, want %d", err, len(*waits), test.waits)
			}
		})
	}
}

// Processes that fetch the same file at the same time load it once.
func TestRace(t *testing.T) {
	t.Parallel()
	s := hubtest.New(t, files())
	c, _ := client(t, s)
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			file, err := c.Fetch(t.Context(), ref(t, "hf://org/net/onnx/model.onnx"))
			if got, failed := os.ReadFile(file); err != nil || failed != nil || string(got) != large {
				t.Errorf("%v, %v", err, failed)
			}
		})
	}
	all.Wait()
	loads := 0
	for _, line := range s.Requests() {
		if strings.HasPrefix(line, "GET cdn") {
			loads++
		}
	}
	if loads != 1 {
		t.Errorf("loaded %d times", loads)
	}
}

// Ctrl-C ends a download at once, and what came is kept for the next one.
func TestCancel(t *testing.T) {
	t.Parallel()
	s := hubtest.New(t, files())
	c, _ := client(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	s.Fault = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/onnx") || r.Header.Get("Range") != "" {
			return false
		}
		w.Header().Set("Content-Length", "500000")
		_, _ = w.Write([]byte(large[:100_000]))
		w.(http.Flusher).Flush()
		<-r.Context().Done() // the client goes
		return true
	}
	c.Progress = func(_ string, done, _ int64) {
		if done == 100_000 {
			cancel()
		}
	}
	if _, err := c.Fetch(ctx, ref(t, "hf://org/net/onnx/model.onnx")); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	c.Progress = nil
	file, err := c.Fetch(t.Context(), ref(t, "hf://org/net/onnx/model.onnx"))
	check(t, file, large, err)
	if log := s.Requests(); !strings.HasSuffix(log[len(log)-1], "bytes=100000-") {
		t.Errorf("%q", log)
	}
}

// A connection that brings nothing is given up and made again.
func TestStall(t *testing.T) {
	t.Parallel()
	s := hubtest.New(t, files())
	c, waits := client(t, s)
	c.stall = 100 * time.Millisecond
	s.Fault = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/onnx") || r.Header.Get("Range") != "" {
			return false
		}
		w.Header().Set("Content-Length", "500000")
		_, _ = w.Write([]byte(large[:100_000]))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return true
	}
	file, err := c.Fetch(t.Context(), ref(t, "hf://org/net/onnx/model.onnx"))
	if check(t, file, large, err); len(*waits) != 1 {
		t.Errorf("waited %v", *waits)
	}
}

func TestFromEnv(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "token"), []byte("hf_file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		env, token, cache, endpoint string
		offline                     bool
	}{
		{"HF_HOME=" + home, "hf_file", filepath.Join(home, "hub"), "https://huggingface.co", false},
		{"HF_HOME=" + home + " HF_TOKEN=hf_env HF_HUB_CACHE=/c", "hf_env", "/c", "https://huggingface.co", false},
		{"HF_HOME=" + home + " HF_HUB_DISABLE_IMPLICIT_TOKEN=1", "", filepath.Join(home, "hub"), "https://huggingface.co", false},
		{"XDG_CACHE_HOME=/x HF_TOKEN_PATH=" + home + "/token HF_HUB_OFFLINE=yes HF_ENDPOINT=http://mirror:1/", "hf_file",
			"/x/huggingface/hub", "http://mirror:1", true},
	} {
		c, err := FromEnv(func(name string) string {
			for field := range strings.FieldsSeq(test.env) {
				if value, ok := strings.CutPrefix(field, name+"="); ok {
					return value
				}
			}
			return ""
		})
		if err != nil || c.Token != test.token || c.Cache != test.cache || c.Endpoint != test.endpoint || c.Offline != test.offline {
			t.Errorf("%s: %+v, %v", test.env, c, err)
		}
	}
	_, err := FromEnv(func(name string) string { return map[string]string{"HF_ENDPOINT": "file:///etc"}[name] })
	if fault.KindOf(err) != fault.Usage {
		t.Errorf("got %v", err)
	}
}
