// Package reach finds out in a short time that a server does not answer, so that nobody waits for programs that try again
// for minutes. What answers slowly is waited for.
package reach

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Limits are how long a server may take to accept a connection, to all of its addresses together, and to answer.
type Limits struct{ Connect, Answer time.Duration }

// Default are limits that connections by satellite keep, too.
var Default = Limits{10 * time.Second, 20 * time.Second}

// Check returns an error if the server of an address of http or https does not answer within the limits, by the proxy of
// the environment if there is one. Every answer counts, and so does an error of what answers, such as a certificate that
// is not known here.
func (l Limits) Check(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return fmt.Errorf("%q is no address of a server", address)
	}
	root := url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/"} // without a password
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, root.String(), nil)
	if err != nil {
		return err
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: l.Connect}).DialContext,
		DisableKeepAlives: true}
	client := http.Client{Timeout: l.Answer, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	switch {
	case err == nil:
		return response.Body.Close()
	case ctx.Err() != nil:
		return ctx.Err()
	case !Unanswered(err):
		return nil
	}
	if inner, ok := errors.AsType[*url.Error](err); ok {
		err = inner.Err // without the request
	}
	return fmt.Errorf("%s does not answer: %w", u.Host, err)
}

// Unanswered reports whether an error of net/http says that there was no answer: the name is not known, no connection was
// made, or nothing came in time.
func Unanswered(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "dial" || op.Op == "proxyconnect") {
		return true
	}
	late, ok := errors.AsType[net.Error](err)
	return ok && late.Timeout()
}
