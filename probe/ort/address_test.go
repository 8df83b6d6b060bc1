package ort

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wiseft/wiseft/internal/reach"
)

// A server that refuses connections, or accepts them and never answers, is given up at once: the client of the source is
// run without network, and if it does not have the package either, the error names every source and why.
func TestServersThatDoNotAnswer(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	refusing := httptest.NewServer(nil)
	refusing.Close() // nobody listens at its address any more
	answering := httptest.NewServer(nil)
	defer answering.Close()
	beforeSources, beforeLimits := sources, limits
	defer func() { sources, limits = beforeSources, beforeLimits }()
	limits = reach.Limits{Connect: time.Minute, Answer: 50 * time.Millisecond}
	whole := []byte("a whole library")
	hash := sha256.Sum256(whole)
	var online []string
	from := func(pkg, address string, has bool) source {
		return source{client: "go", pkg: pkg, version: InstallVersion,
			address: func(context.Context) string { return address },
			files:   map[string][]pin{platform(): {{"lib/libonnxruntime.so", hex.EncodeToString(hash[:])}}},
			fetch: func(_ context.Context, dir string, s source) error {
				if !s.offline {
					online = append(online, pkg)
				}
				if !has {
					return errors.New("has no package")
				}
				return os.WriteFile(filepath.Join(dir, "libonnxruntime.so"), whole, 0o666)
			}}
	}
	sources = []source{
		from("refused", refusing.URL+"/simple", false), from("silent", "http://"+silent.Addr().String(), false),
		from("answered", answering.URL, false), from("elsewhere", "", false),
	}
	_, err = install(t.Context(), Options{CacheDir: t.TempDir()})
	if !slices.Equal(online, []string{"answered", "elsewhere"}) {
		t.Errorf("with network are run %q", online)
	}
	for _, want := range []string{
		"refused: " + refusing.Listener.Addr().String() + " does not answer: dial tcp",
		"silent: " + silent.Addr().String() + " does not answer: ", "answered: has no package", "elsewhere: has no package",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	sources = []source{from("kept", refusing.URL, true)}
	if _, err := install(t.Context(), Options{CacheDir: t.TempDir()}); err != nil {
		t.Errorf("what the client has is not installed: %v", err)
	}
}

func TestPipIndex(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]string{
		"": "https://pypi.org/simple",
		":env:.cert='/ca.crt'\nglobal.timeout='60'\ninstall.index-url='https://other'\n":                "https://pypi.org/simple",
		"global.index-url='https://mirror/simple'\n":                                                    "https://mirror/simple",
		"download.index-url='https://b'\nglobal.index-url='https://a'\n":                                "https://b",
		":env:.index-url='https://c'\ndownload.index-url='https://b'\nglobal.index-url='https://a'\r\n": "https://c",
		"global.extra-index-url='https://b'\n":                                                          "",
		"global.proxy='http://proxy:8080'\n":                                                            "",
		":env:.no-index='1'\n":                                                                          "",
		"global.index-url='file:///wheels'\n":                                                           "",
	} {
		if got := pipIndex(list); got != want {
			t.Errorf("%q gives %q, want %q", list, got, want)
		}
	}
}

// The addresses of Go and npm are those of their settings.
func TestAddresses(t *testing.T) {
	t.Setenv("ALL_PROXY", "")
	t.Setenv("all_proxy", "")
	if _, err := exec.LookPath("go"); err == nil {
		t.Setenv("GONOPROXY", "")
		t.Setenv("GOPRIVATE", "")
		for proxies, want := range map[string]string{
			"https://proxy.example,direct": "https://proxy.example", "http://a": "http://a", "https://a|direct": "", "direct": "",
			"off": "", "file:///cache,https://a": "",
		} {
			t.Setenv("GOPROXY", proxies)
			if got := goAddress(t.Context()); got != want {
				t.Errorf("GOPROXY=%s gives %q, want %q", proxies, got, want)
			}
		}
	}
	if runtime.GOOS == "windows" {
		return // there are no shell scripts
	}
	dir := t.TempDir()
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	for config, want := range map[string]string{
		`{"registry": "https://npm.example/", "proxy": null, "https-proxy": null}`: "https://npm.example/",
		`{"registry": "https://npm.example/", "proxy": "http://p"}`:                "",
		`{"registry": "https://npm.example/", "https-proxy": "http://p"}`:          "",
		`npm: command failed`: "",
	} {
		script := "#!/bin/sh\nprintf '%s' '" + config + "'\n"
		if err := os.WriteFile(filepath.Join(dir, "npm"), []byte(script), 0o777); err != nil {
			t.Fatal(err)
		}
		if got := npmAddress(t.Context()); got != want {
			t.Errorf("%s gives %q, want %q", config, got, want)
		}
	}
	t.Setenv("ALL_PROXY", "socks5://proxy")
	if got := npmAddress(t.Context()) + pipAddress(t.Context()); got != "" {
		t.Errorf("with ALL_PROXY the address is %q", got)
	}
}

// What Go and npm say of a package that they cannot get is the error.
func TestErrorsOfClients(t *testing.T) {
	if _, err := exec.LookPath("go"); err == nil {
		t.Setenv("GOMODCACHE", t.TempDir())
		t.Setenv("GOPROXY", "off")
		err := fetchGo(t.Context(), t.TempDir(), source{pkg: "example.com/none@v1.0.0"})
		if err == nil || !strings.Contains(err.Error(), "module lookup disabled by GOPROXY=off") {
			t.Errorf("go: %v", err)
		}
	}
	if runtime.GOOS == "windows" {
		return // there are no shell scripts
	}
	dir := t.TempDir()
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	script := "#!/bin/sh\nprintf '{\\n\"error\": {\"code\": \"E404\", \"summary\": \"no such package %s\"}\\n}\\n' \"$npm_config_offline\"\nexit 1\n"
	if err := os.WriteFile(filepath.Join(dir, "npm"), []byte(script), 0o777); err != nil {
		t.Fatal(err)
	}
	err := fetchNPM(t.Context(), t.TempDir(), source{pkg: "none@1.0.0", offline: true})
	if err == nil || err.Error() != "npm pack: no such package true" {
		t.Errorf("npm: %v", err)
	}
}
