package report

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"image"
	"math"
	"os"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// Events equal those that TensorBoard's own classes write (scripts/reports/events.py).
func TestEventsOfTensorBoard(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/events.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct{ Records map[string]string }
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	writers := map[string]func(w *eventWriter){
		"version":     (*eventWriter).version,
		"scalar":      func(w *eventWriter) { w.scalar("clean accuracy/mix", 400, 0.901) },
		"scalar at 0": func(w *eventWriter) { w.scalar("mCE/mix", 0, 1.5) },
		"text":        func(w *eventWriter) { w.text("report", "ä | *b*") },
		"image":       func(w *eventWriter) { w.image("curve", image.Config{Height: 300, Width: 2}, []byte("\x89PNG\x00")) },
	}
	if len(vectors.Records) != len(writers) {
		t.Errorf("got %d records, want %d", len(vectors.Records), len(writers))
	}
	for name, write := range writers {
		var out bytes.Buffer
		write(&eventWriter{w: &out})
		if got := hex.EncodeToString(out.Bytes()); got != vectors.Records[name] {
			t.Errorf("%s: got %s, want %s", name, got, vectors.Records[name])
		}
	}
}

// scalarsOf returns the scalars of an event file by tag and step, and how many other values it has.
func scalarsOf(t *testing.T, file []byte) (scalars map[string]map[int64]float32, others int) {
	t.Helper()
	scalars = map[string]map[int64]float32{}
	for len(file) > 0 {
		size := binary.LittleEndian.Uint64(file)
		event := file[12 : 12+size]
		if binary.LittleEndian.Uint32(file[12+size:]) != maskedCRC(event) {
			t.Fatal("a record's CRC differs")
		}
		file = file[16+size:]
		fields := messageOf(t, event)
		if fields[eventSummary] == nil {
			continue
		}
		value := messageOf(t, messageOf(t, fields[eventSummary].([]byte))[summaryValue].([]byte))
		bits, isScalar := value[valueSimple].(uint32)
		if !isScalar {
			others++
			continue
		}
		tag := string(value[valueTag].([]byte))
		if scalars[tag] == nil {
			scalars[tag] = map[int64]float32{}
		}
		step, _ := fields[eventStep].(uint64)
		if _, twice := scalars[tag][int64(step)]; twice {
			t.Errorf("%s has two values at step %d", tag, step)
		}
		scalars[tag][int64(step)] = math.Float32frombits(bits)
	}
	return scalars, others
}

// messageOf returns the fields of a message by number: uint64, uint32 or []byte.
func messageOf(t *testing.T, b []byte) map[protowire.Number]any {
	t.Helper()
	fields := map[protowire.Number]any{}
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		b = b[max(n, 0):]
		var v any
		switch kind {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			v, n = protowire.ConsumeFixed32(b)
		default:
			v, n = protowire.ConsumeBytes(b)
		}
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		fields[number], b = v, b[n:]
	}
	return fields
}

func TestTensorBoard(t *testing.T) {
	t.Parallel()
	for name, r := range results() {
		var out bytes.Buffer
		if err := Write(&out, "tensorboard", r); err != nil {
			t.Fatal(err)
		}
		scalars, others := scalarsOf(t, out.Bytes())
		if others < 1 {
			t.Errorf("%s: no text", name)
		}
		kind, step := "mix", func(i int) int64 { return int64(100 * i) }
		switch name {
		case "bench", "single":
			kind, step = "model", func(i int) int64 { return int64(i) }
		case "grid":
			step = func(i int) int64 { return int64(i) }
		}
		for i, m := range r.Models {
			got, ok := scalars["clean accuracy/"+kind][step(i)]
			if want := float32(m.Clean.OA); !ok || got != want {
				t.Errorf("%s: %s: got %v, want %v at step %d", name, m.ID, got, want, step(i))
			}
			if _, ok := scalars["mOA/"+kind][step(i)]; ok != m.Exact.MOA.Known() {
				t.Errorf("%s: %s: mOA: got %v, want %v", name, m.ID, ok, m.Exact.MOA.Known())
			}
		}
	}
}
