// Package registry holds values by name: merge methods, corruptions, data formats, solvers, plots. Each kind
// of value has one registry, filled by the init functions of the files that define the values, and by a
// user's own program before it uses them.
package registry

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/wiseft/wiseft/internal/fault"
)

// Registry maps names to values. All methods may be called concurrently.
type Registry[T any] struct {
	what    string
	mu      sync.RWMutex
	entries map[string]T
}

// New returns an empty registry. what names one entry in errors: "method", "data format".
func New[T any](what string) *Registry[T] {
	return &Registry[T]{what: what, entries: map[string]T{}}
}

// Register adds v under name. An empty name and a name that is taken are bugs of the caller: it panics.
func (r *Registry[T]) Register(name string, v T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if name == "" {
		panic("registry: a " + r.what + " without a name")
	}
	if _, taken := r.entries[name]; taken {
		panic("registry: two of " + r.what + " " + name)
	}
	r.entries[name] = v
}

// Lookup returns the entry of a name, or an [*UnknownError].
func (r *Registry[T]) Lookup(name string) (T, error) {
	r.mu.RLock()
	v, ok := r.entries[name]
	r.mu.RUnlock()
	if !ok {
		return v, &UnknownError{What: r.what, Name: name, Names: r.Names()}
	}
	return v, nil
}

// Names returns all names, sorted.
func (r *Registry[T]) Names() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Sorted(maps.Keys(r.entries))
}

// All returns all entries, sorted by name.
func (r *Registry[T]) All() []T {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := make([]T, 0, len(r.entries))
	for _, name := range slices.Sorted(maps.Keys(r.entries)) {
		all = append(all, r.entries[name])
	}
	return all
}

// UnknownError reports a name that no entry has. Its kind is Usage.
type UnknownError struct {
	What, Name string
	Names      []string // that there are, sorted
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("there is no %s %q; there are: %s", e.What, e.Name, strings.Join(e.Names, ", "))
}

// Kind implements the kinds of package fault.
func (e *UnknownError) Kind() fault.Kind { return fault.Usage }

// Hint proposes the name that differs least from the unknown one, if it is near: at most a third of its
// letters inserted, deleted or replaced.
func (e *UnknownError) Hint() string {
	if near := Nearest(e.Name, e.Names); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return ""
}

// maxWord bounds the length of words whose distance is computed, in bytes; longer ones are no typing errors.
const maxWord = 64

// Nearest returns the name with the smallest Levenshtein distance from word, the first of equals, if that is
// at most a third of the longer length; else "".
func Nearest(word string, names []string) (nearest string) {
	if len(word) > maxWord {
		return ""
	}
	best := maxWord + 1
	for _, name := range names {
		limit := max(len(word), len(name)) / 3
		if d := distance(word, name); d <= limit && d < best {
			best, nearest = d, name
		}
	}
	return nearest
}

// distance is the Levenshtein distance of a and b in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
