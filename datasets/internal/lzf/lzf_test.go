package lzf

import (
	"bytes"
	"testing"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		src      []byte
		want     string
		accepted bool
	}{
		{"nothing", nil, "", true},
		{"literals", []byte("\x02abc"), "abc", true},
		{"copy", []byte("\x02abc\x20\x02\x00d"), "abcabcd", true},
		{"overlapping copy", []byte("\x00a\xe0\x01\x00"), "aaaaaaaaaaa", true},
		{"far copy", append(append([]byte("\x1f"), bytes.Repeat([]byte("z"), 32)...), 0x20, 31),
			string(bytes.Repeat([]byte("z"), 35)), true},
		{"too short", []byte("\x02abc"), "abcd", false},
		{"too long", []byte("\x02abc"), "ab", false},
		{"literals cut", []byte("\x02ab"), "abc", false},
		{"copy cut", []byte("\x00a\x20"), "aaaa", false},
		{"long copy cut", []byte("\x00a\xe0"), "aaaa", false},
		{"copy from before the start", []byte("\x00a\x20\x01"), "aaaa", false},
		{"copy too long", []byte("\x00a\xe0\xff\x00"), "aaaa", false},
	}
	for _, test := range tests {
		got := make([]byte, len(test.want))
		err := Decode(got, test.src)
		if (err == nil) != test.accepted || err == nil && string(got) != test.want {
			t.Errorf("%s: %q (%v), want %q", test.name, got, err, test.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(7, []byte("\x02abc\x20\x02\x00d"))
	f.Fuzz(func(t *testing.T, n int, src []byte) {
		if n < 0 || n > 1<<16 {
			return
		}
		if Decode(make([]byte, n), src) == nil && n > len(src)*MaxRatio {
			t.Errorf("%d bytes became %d, more than MaxRatio allows", len(src), n)
		}
	})
}
