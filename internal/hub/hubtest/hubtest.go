// Package hubtest serves files as the Hugging Face Hub does, with its faults.
package hubtest

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The commits that the branch main may have, and the token that a private repository needs.
const (
	FirstCommit  = "1111111111111111111111111111111111111111"
	SecondCommit = "2222222222222222222222222222222222222222"
	Token        = "hf_secret"
)

// Server behaves as the Hub: large files are on another host, to which it redirects, small files are its own.
type Server struct {
	Private bool   // files need Token
	Gated   bool   // files are refused
	NoHash  string // the path of a file whose hash is not given
	Ranges  bool   // the host of large files gives ranges; true at first
	// Fault answers a request instead, if it returns true.
	Fault func(w http.ResponseWriter, r *http.Request) bool
	// Stored are the contents that the host of large files gives, by path, where they differ.
	Stored map[string]string

	t         *testing.T
	site, cdn *httptest.Server
	files     map[string]string // by path, at both commits

	mu       sync.Mutex
	commit   string
	log      []string // method, host and path of each request
	tokenLed bool
}

// LargeSize is the size in bytes from which on a file is on the other host.
const LargeSize = 100

// New serves files of the repository org/net, and of org/old, its former name.
func New(t *testing.T, files map[string]string) *Server {
	t.Helper()
	s := &Server{t: t, files: files, commit: FirstCommit, Ranges: true, Stored: map[string]string{}}
	s.site = httptest.NewServer(http.HandlerFunc(s.serve))
	s.cdn = httptest.NewServer(http.HandlerFunc(s.serveLarge))
	t.Cleanup(s.Close)
	t.Cleanup(s.cdn.Close)
	return s
}

// URL is the address of the server.
func (s *Server) URL() string { return s.site.URL }

// Close ends the server.
func (s *Server) Close() { s.site.Close() }

// CloseLarge stops the host of large files.
func (s *Server) CloseLarge() { s.cdn.Close() }

// SetCommit sets the commit of the branch main.
func (s *Server) SetCommit(commit string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commit = commit
}

// TokenLed reports whether the token reached the other host.
func (s *Server) TokenLed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tokenLed
}

// Hash returns the hash that the server names.
func Hash(content string) string {
	if len(content) > LargeSize {
		sum := sha256.Sum256([]byte(content))
		return hex.EncodeToString(sum[:])
	}
	sum := sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(content), content))
	return hex.EncodeToString(sum[:])
}

func (s *Server) record(r *http.Request, host string) (fault func(http.ResponseWriter, *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, r.Method+" "+host+" "+r.URL.EscapedPath()+" "+r.Header.Get("Range"))
	return s.Fault
}

// Requests returns the requests since the last call: method, host ("site" or "cdn"), path, range.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	log := s.log
	s.log = nil
	return log
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("X-Error-Code", code)
	w.WriteHeader(status)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if fault := s.record(r, "site"); fault != nil && fault(w, r) {
		return
	}
	authorized := r.Header.Get("Authorization") == "Bearer "+Token
	switch {
	case s.Private && !authorized:
		refuse(w, http.StatusUnauthorized, "RepoNotFound")
		return
	case s.Gated:
		refuse(w, http.StatusForbidden, "GatedRepo")
		return
	}
	name := r.URL.EscapedPath()
	if rest, ok := strings.CutPrefix(name, "/api/models/org/net/tree/"); ok {
		s.list(w, r, rest)
		return
	}
	if rest, ok := strings.CutPrefix(name, "/org/old/"); ok { // a repository that was renamed
		http.Redirect(w, r, "/org/net/"+rest, http.StatusTemporaryRedirect)
		return
	}
	rest, ok := strings.CutPrefix(name, "/org/net/resolve/")
	if !ok {
		refuse(w, http.StatusNotFound, "RepoNotFound")
		return
	}
	revision, file, _ := strings.Cut(rest, "/")
	s.mu.Lock()
	commit := s.commit
	s.mu.Unlock()
	if revision, _ = url.PathUnescape(revision); len(revision) == len(FirstCommit) {
		commit = revision
	} else if revision != "main" && revision != "refs/pr/1" {
		refuse(w, http.StatusNotFound, "RevisionNotFound")
		return
	}
	file, _ = url.PathUnescape(file)
	content, ok := s.files[file]
	if !ok {
		refuse(w, http.StatusNotFound, "EntryNotFound")
		return
	}
	w.Header().Set("X-Repo-Commit", commit)
	if s.NoHash == file {
		return
	}
	if len(content) <= LargeSize {
		w.Header().Set("Etag", `W/"`+Hash(content)+`"`)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))
		return
	}
	w.Header().Set("X-Linked-Etag", `"`+Hash(content)+`"`)
	w.Header().Set("X-Linked-Size", fmt.Sprint(len(content)))
	http.Redirect(w, r, s.cdn.URL+"/"+url.PathEscape(file), http.StatusFound)
}

// list gives two entries a page.
func (s *Server) list(w http.ResponseWriter, r *http.Request, rest string) {
	_, folder, _ := strings.Cut(rest, "/")
	type entry struct {
		Type string `json:"type"`
		Path string `json:"path"`
	}
	all := []entry{}
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		if folder == "" || strings.HasPrefix(name, folder+"/") {
			all = append(all, entry{"file", name}, entry{"directory", folder})
		}
	}
	var from int
	_, _ = fmt.Sscan(r.URL.Query().Get("cursor"), &from)
	to := min(from+2, len(all))
	if to < len(all) {
		w.Header().Set("Link", fmt.Sprintf(`<%s%s?recursive=true&cursor=%d>; rel="next"`, s.site.URL, r.URL.Path, to))
	}
	if err := json.NewEncoder(w).Encode(all[from:to]); err != nil {
		s.t.Error(err)
	}
}

func (s *Server) serveLarge(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "" {
		s.mu.Lock()
		s.tokenLed = true
		s.mu.Unlock()
	}
	if fault := s.record(r, "cdn"); fault != nil && fault(w, r) {
		return
	}
	content, ok := s.Stored[r.URL.Path[1:]]
	if !ok {
		content = s.files[r.URL.Path[1:]]
	}
	if !s.Ranges {
		r.Header.Del("Range")
	}
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))
}

// Cut ends a connection after n bytes of a file.
func Cut(w http.ResponseWriter, content string, from, n int) {
	w.Header().Set("Content-Length", fmt.Sprint(len(content)-from))
	if from > 0 {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(content)-1, len(content)))
		w.WriteHeader(http.StatusPartialContent)
	}
	_, _ = io.Copy(w, bytes.NewReader([]byte(content[from:from+n])))
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// From returns the first byte of the range that is asked for, 0 without one.
func From(r *http.Request) (from int) {
	_, _ = fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
	return from
}
