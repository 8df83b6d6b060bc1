package ort

import "sync"

// engines are of one thread, by the name of their binding.
var engines = sync.OnceValues(func() (map[string]Engine, error) {
	all := map[string]Engine{}
	for name, b := range bindings {
		if b != loaded.binding {
			if _, err := b.load(loaded.lib.Path); err != nil {
				return nil, err
			}
		}
		all[name] = Engine{Threads: 1, binding: b}
	}
	return all, nil
})

// Engines returns an engine for every binding of this build, by name. They share the library that [Load] has loaded.
func Engines() (map[string]Engine, error) { return engines() }

// NewValue is NewValue with the engine's binding.
func (e Engine) NewValue(a Array) (*Value, error) { return newValue(e.binding, a) }

// Data returns the bytes of the elements.
func (v *Value) Data() []byte { return v.tensor.bytes() }
