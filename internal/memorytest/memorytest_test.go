package memorytest

import "testing"

func TestAllocated(t *testing.T) {
	var kept []byte
	if taken := Allocated(func() {
		for range 3 {
			kept = make([]byte, 1<<20)
		}
	}); taken < 3<<20 || taken > 4<<20 {
		t.Errorf("three slices of 1 MiB take %d bytes, of which the last has %d", taken, len(kept))
	}
	if most := (Limit{Fixed: 10, PerByte: 3}).Of(make([]byte, 4)); most != 22 {
		t.Errorf("a limit of 10 bytes and 3 a byte is %d for a file of 4", most)
	}
}
