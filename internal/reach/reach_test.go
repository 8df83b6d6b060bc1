package reach_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wiseft/wiseft/internal/reach"
)

// silent returns a server that accepts connections and never answers.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

func TestCheck(t *testing.T) {
	t.Parallel()
	answering := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" || r.URL.User != nil || r.Header.Get("Authorization") != "" {
			t.Errorf("is asked for %s with %q", r.URL, r.Header.Get("Authorization"))
		}
		w.WriteHeader(http.StatusTeapot)
	})
	plain, secure := httptest.NewServer(answering), httptest.NewTLSServer(answering)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that fail
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	refusing := httptest.NewServer(answering)
	refusing.Close() // nobody listens at its address any more
	patient, hasty := reach.Limits{Connect: time.Minute, Answer: time.Minute}, reach.Limits{Connect: time.Minute, Answer: 50 * time.Millisecond}
	for name, test := range map[string]struct {
		limits  reach.Limits
		address string
		want    string // of the error; "" is none
	}{
		"answers":             {patient, "http://user:secret@" + plain.Listener.Addr().String() + "/simple/", ""},
		"unknown certificate": {patient, secure.URL, ""},
		"no TLS":              {patient, "https://" + plain.Listener.Addr().String(), ""},
		"refuses":             {patient, refusing.URL + "/simple", refusing.Listener.Addr().String() + " does not answer: dial tcp"},
		"silent":              {hasty, "http://user:secret@" + silent(t), "does not answer"},
		"silent about TLS":    {hasty, "https://" + silent(t) + "/simple", "does not answer"},
		"no address":          {patient, "simple", "is no address of a server"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := test.limits.Check(t.Context(), test.address)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the password is shown: %v", err)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := patient.Check(ctx, "http://"+silent(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v after it was stopped", err)
	}
}
