package text

import (
	"regexp"
	"strings"
)

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:,=@%+-]+$`)

// ShellWord returns a word as a POSIX shell reads it: in single quotes, unless it needs none.
func ShellWord(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// ShellWords returns a command line as a POSIX shell reads it.
func ShellWords(command []string) string {
	quoted := make([]string, len(command))
	for i, word := range command {
		quoted[i] = ShellWord(word)
	}
	return strings.Join(quoted, " ")
}
