package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/reach"
)

var (
	errNoEntry     = errors.New("no such file")
	errUnreachable = errors.New("the server cannot be reached")
)

const (
	maxTries     = 5  // without a byte in between
	maxRedirects = 10 // as net/http
	maxListing   = 64 << 20
	headerWait   = 30 * time.Second
	stallWait    = 60 * time.Second
	maxWait      = 60 * time.Second // that a server may ask for
)

// metadata is what the server says of a file.
type metadata struct {
	commit string
	etag   string // SHA-256, or git's SHA-1
	size   int64  // -1 if it is not said
}

// address returns the address of a file.
func (c *Client) address(r Ref) string {
	prefix := ""
	if r.Kind != "models" {
		prefix = r.Kind + "/"
	}
	return c.Endpoint + "/" + prefix + r.Repo + "/resolve/" + url.PathEscape(r.Revision) + "/" + escape(r.Path)
}

// escape escapes the parts of a path.
func escape(name string) string {
	parts := strings.Split(name, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return strings.Join(parts, "/")
}

// metadata asks for commit, hash and size of a file. An answer that leads to another host is the one that has them.
func (c *Client) metadata(ctx context.Context, r Ref) (metadata, error) {
	response, err := c.tried(ctx, r, func() (*http.Response, error) {
		return c.send(ctx, http.MethodHead, c.address(r), nil, false)
	})
	if err != nil {
		return metadata{}, err
	}
	_ = response.Body.Close()
	h := response.Header
	m := metadata{commit: h.Get("X-Repo-Commit"), size: -1, etag: h.Get("X-Linked-Etag")}
	if m.etag == "" {
		m.etag = h.Get("Etag")
	}
	m.etag = strings.Trim(strings.TrimPrefix(m.etag, "W/"), `"`)
	size := h.Get("X-Linked-Size")
	if size == "" && response.StatusCode < 300 {
		size = h.Get("Content-Length")
	}
	if size != "" {
		if m.size, err = strconv.ParseInt(size, 10, 64); err != nil || m.size < 0 {
			return m, fault.New(fault.Failed, "%s: the server names the size %q", r, size)
		}
	}
	if !isCommit(m.commit) || !isHex(m.etag, 40) && !isHex(m.etag, 64) {
		return m, fault.New(fault.Failed, "%s: the server names neither the commit nor a hash of the file (%q, %q)",
			r, m.commit, m.etag)
	}
	return m, nil
}

// list returns the paths of the files of a folder.
func (c *Client) list(ctx context.Context, r Ref) ([]string, error) {
	address := c.Endpoint + "/api/" + r.Kind + "/" + r.Repo + "/tree/" + url.PathEscape(r.Revision)
	if r.Path != "" {
		address += "/" + escape(r.Path)
	}
	var files []string
	for address += "?recursive=true"; address != ""; {
		response, err := c.tried(ctx, r, func() (*http.Response, error) {
			return c.send(ctx, http.MethodGet, address, nil, true)
		})
		if err != nil {
			return nil, err
		}
		var page []struct{ Type, Path string }
		err = json.NewDecoder(io.LimitReader(response.Body, maxListing)).Decode(&page)
		_ = response.Body.Close()
		if err != nil {
			return nil, fault.New(fault.Failed, "%s: the server's list of files cannot be read: %w", r, err)
		}
		for _, entry := range page {
			if entry.Type != "file" {
				continue
			}
			if entry.Path == "" || "/"+entry.Path != path.Clean("/"+entry.Path) || strings.ContainsAny(entry.Path, "\\\x00") {
				return nil, fault.New(fault.Failed, "%s: the server lists a file %q", r, entry.Path)
			}
			files = append(files, entry.Path)
		}
		if address, err = c.nextPage(response); err != nil {
			return nil, fault.New(fault.Failed, "%s: %w", r, err)
		}
	}
	if len(files) == 0 {
		return nil, fault.Inputf("%s: the repository has no such file or folder", r)
	}
	return files, nil
}

// nextPage returns the address in a header Link: <address>; rel="next".
func (c *Client) nextPage(response *http.Response) (string, error) {
	for _, link := range response.Header.Values("Link") {
		address, rel, ok := strings.Cut(link, ">")
		if !ok || !strings.Contains(rel, `rel="next"`) {
			continue
		}
		next, err := response.Request.URL.Parse(strings.TrimPrefix(strings.TrimSpace(address), "<"))
		if err != nil || !c.isOwn(next) {
			return "", fmt.Errorf("the list of files goes on at %q, which is another server", address)
		}
		return next.String(), nil
	}
	return "", nil
}

// isOwn reports whether an address is one of the configured server.
func (c *Client) isOwn(u *url.URL) bool {
	own, err := url.Parse(c.Endpoint)
	return err == nil && u.Scheme == own.Scheme && u.Host == own.Host
}

// silentError is of a server that has not answered once: it is not tried again. One that has may be away for a while.
type silentError struct{ error }

// Unwrap returns what happened instead.
func (e silentError) Unwrap() error { return e.error }

// send sends a request. Redirects are followed, on the configured server, and anywhere if anywhere is set; the token
// goes to the configured server alone.
func (c *Client) send(ctx context.Context, method, address string, header http.Header, anywhere bool) (*http.Response, error) {
	for range maxRedirects {
		request, err := http.NewRequestWithContext(ctx, method, address, nil)
		if err != nil {
			return nil, err
		}
		for name, values := range header {
			request.Header[name] = values
		}
		request.Header.Set("Accept-Encoding", "identity")
		request.Header.Set("User-Agent", "wiseft")
		if c.Token != "" && c.isOwn(request.URL) {
			request.Header.Set("Authorization", "Bearer "+c.Token)
		}
		response, err := c.client().Do(request)
		if err != nil {
			if _, known := c.answered.Load(request.URL.Host); !known && reach.Unanswered(err) {
				err = silentError{err}
			}
			return nil, err
		}
		c.answered.Store(request.URL.Host, true)
		if response.StatusCode < 300 || response.StatusCode >= 400 {
			return response, nil
		}
		next, err := response.Location()
		if err != nil || next.Scheme != "https" && next.Scheme != request.URL.Scheme || !anywhere && !c.isOwn(next) {
			return response, nil
		}
		_ = response.Body.Close()
		address = next.String()
	}
	return nil, fmt.Errorf("more than %d redirects", maxRedirects)
}

// client returns what sends requests: it waits for headers for a limited time, and follows no redirects by itself.
func (c *Client) client() *http.Client {
	if c.http != nil {
		return c.http
	}
	return defaultClient
}

var defaultClient = &http.Client{
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: headerWait,
		DialContext: (&net.Dialer{Timeout: reach.Default.Connect}).DialContext, TLSHandshakeTimeout: headerWait, ForceAttemptHTTP2: true},
}

// tried sends a request again after answers that ask for patience, and after connections that broke, but not where the
// server is silent. Other answers than success and redirects are errors.
func (c *Client) tried(ctx context.Context, r Ref, send func() (*http.Response, error)) (*http.Response, error) {
	var last error
	for try := range maxTries {
		response, err := send()
		var after time.Duration
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			last = fault.New(fault.Failed, "%s: %w: %w", r, errUnreachable, err)
			if _, ok := errors.AsType[silentError](err); ok {
				return nil, last
			}
		case response.StatusCode < 400:
			return response, nil
		default:
			_ = response.Body.Close()
			last = c.refusal(r, response)
			if !isPassing(response.StatusCode) {
				return nil, last
			}
			after = retryAfter(response.Header)
		}
		if try+1 < maxTries {
			if err := c.pause(ctx, try, after); err != nil {
				return nil, err
			}
		}
	}
	return nil, last
}

// isPassing reports whether another try may succeed.
func isPassing(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// retryAfter returns how long the server asks to wait; 0 if it does not.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxWait)
}

// pause waits before another try: as long as the server asks for, or 1, 2, 4, ... seconds.
func (c *Client) pause(ctx context.Context, try int, after time.Duration) error {
	d := max(after, time.Second<<try)
	if c.wait != nil {
		return c.wait(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// refusal is the error of an answer.
func (c *Client) refusal(r Ref, response *http.Response) error {
	web := c.Endpoint + "/" + r.Repo
	code := response.Header.Get("X-Error-Code")
	switch {
	case code == "GatedRepo":
		return fault.New(fault.Failed, "%s: the repository is gated", r).
			WithHint("accept its terms at %s, and set HF_TOKEN to a token that may read it", web)
	case code == "RevisionNotFound":
		return fault.Inputf("%s: the repository has no revision %q", r, r.Revision)
	case code == "EntryNotFound":
		return fault.Inputf("%s: %w of that name in the repository", r, errNoEntry)
	case code == "RepoNotFound" || response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusNotFound:
		hint := "if it is private, set HF_TOKEN to a token that may read it"
		if c.Token != "" {
			hint = "if it is private, the token of HF_TOKEN may not read it"
		}
		return fault.Inputf("%s: there is no such repository", r).WithHint("%s", hint)
	case response.StatusCode == http.StatusForbidden:
		return fault.New(fault.Failed, "%s: the server forbids it (403)", r).WithHint("see %s, and the rights of HF_TOKEN", web)
	case response.StatusCode == http.StatusTooManyRequests:
		return fault.New(fault.Failed, "%s: the server takes no more requests for now (429)", r).
			WithHint("wait, or set HF_TOKEN: requests with a token have a higher limit")
	}
	return fault.New(fault.Failed, "%s: the server answers %s", r, response.Status)
}
