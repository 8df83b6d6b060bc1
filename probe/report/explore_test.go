package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/probe/bench/result"
)

func explore(t *testing.T, r *result.Result) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, "explore", r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// part returns what is between two texts of a page.
func part(t *testing.T, page, from, to string) string {
	t.Helper()
	_, after, ok := strings.Cut(page, from)
	inner, _, closed := strings.Cut(after, to)
	if !ok || !closed {
		t.Fatalf("the page has no %s … %s", from, to)
	}
	return inner
}

// The policy allows the script and the style sheet that are in the page, by their hashes, and no other source.
func TestExplorePolicy(t *testing.T) {
	t.Parallel()
	for name, r := range results() {
		page := explore(t, r)
		policy := strings.ReplaceAll(part(t, page, `http-equiv="Content-Security-Policy" content="`, `"`), "&#39;", "'")
		policy = strings.ReplaceAll(policy, "&#43;", "+")
		for kind, text := range map[string]string{"script": part(t, page, "<script>", "</script>"), "style": part(t, page, "<style>", "</style>")} {
			sum := sha256.Sum256([]byte(text))
			if want := kind + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "';"; !strings.Contains(policy, want) {
				t.Errorf("%s: the policy %s has no %s", name, policy, want)
			}
		}
		if !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
			t.Errorf("%s: the policy is %s", name, policy)
		}
		if strings.Count(page, "<script") != 2 || strings.Contains(page, " style=") || strings.Contains(page, " onclick") {
			t.Errorf("%s: the page has other scripts or styles than the two", name)
		}
		if page != explore(t, r) {
			t.Errorf("%s: two pages of one result differ", name)
		}
	}
}

// Nothing in the script makes code or markup of text, or asks the network.
func TestExploreScriptIsSafe(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "Function(", "setTimeout(", "fetch(",
		"XMLHttpRequest", "WebSocket", "import(", "http", "Worker(", "sendBeacon", ".href", "location"} {
		text := strings.Replace(exploreScript, `"http://www.w3.org/2000/svg"`, "", 1)
		if strings.Contains(text, word) {
			t.Errorf("the script has %q", word)
		}
	}
}

// Names that would end the element of the data, or be markup, stay text of the data.
func TestExploreData(t *testing.T) {
	t.Parallel()
	r := full()
	const evil = "</script><script>alert(1)</script><!--\u2028&"
	r.Models[2].ID = evil
	r.Settings.Tests[0].Classes[0] = evil
	r.Samples = make([]result.Sample, len(r.Changes.Pictured()))
	r.Samples[0].Points = []float32{1, -1, 0.5}
	r.Samples[1].PNG = []byte("png")
	page := explore(t, r)
	if strings.Contains(page, "alert(1)</script>") || strings.Contains(strings.ToLower(part(t, page, `id="data">`, "</body>")), "<!--") {
		t.Fatal("a name is markup of the page")
	}
	var e explored
	if err := json.Unmarshal([]byte(part(t, page, `id="data">`, "</script>")), &e); err != nil {
		t.Fatal(err)
	}
	if len(e.Models) != len(r.Models) || e.Models[2].Name != evil || e.Models[e.Chosen].Name != r.Chosen.ID {
		t.Errorf("%d models, the third is %q, the chosen one %d", len(e.Models), e.Models[2].Name, e.Chosen)
	}
	if len(e.Samples) != 2 || !strings.Contains(e.Samples[0].Title, evil) || string(e.Samples[1].PNG) != "png" ||
		!bytes.Equal(e.Samples[0].Points, []byte{0xff, 0x1f, 0x01, 0xe0, 0x00, 0x10}) { // 8191, -8191 and 4096 of 8191
		t.Errorf("samples %+v", e.Samples)
	}
	m := r.Models[3]
	if got := e.Models[3].Figures; got[0] != 100*m.Clean.OA || got[1] != 100*m.MOA || len(got) != len(e.Columns)-1 {
		t.Errorf("figures %v of %v", got, e.Columns)
	}
	for _, c := range e.Curves {
		if len(c.Values) != len(r.Models) {
			t.Errorf("%s has %d values, want one for each of %d mixes", c.Name, len(c.Values), len(r.Models))
		}
	}
}

// Every element that the script looks for by its ID is in the page.
func TestExploreElements(t *testing.T) {
	t.Parallel()
	for _, m := range regexp.MustCompile(`(?:byId|getElementById)\("([^"]+)"\)`).FindAllStringSubmatch(exploreScript, -1) {
		if !strings.Contains(exploreText, `id="`+m[1]+`"`) {
			t.Errorf("the page has no element %q", m[1])
		}
	}
}
