package report

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"strings"

	"github.com/wiseft/wiseft/probe/bench/result"
	"google.golang.org/protobuf/encoding/protowire"
)

func init() {
	register(Format{Name: "tensorboard", Doc: "an event file of TensorBoard: curves over alpha, plots, tables",
		Files: []string{"*tfevents*"}, NeedsName: true, Binary: true, Write: writeTensorBoard})
}

// writeTensorBoard writes figures as scalars, shares and not percent. The step is 1000 alpha, rounded, or in a result
// with other parameters the position of the model; a tag is the figure, and behind a slash what kind of mix it is of, so
// that repaired mixes are drawn beside the others. The time of all events is 0.
func writeTensorBoard(w io.Writer, r *result.Result) error {
	out := &eventWriter{w: w}
	out.version()
	if err := out.table(r); err != nil {
		return err
	}
	for i, m := range r.Models {
		step := int64(i)
		if overAlpha(r) {
			step = int64(math.Round(1000 * *m.Alpha))
		}
		out.scalars(r, m, step)
	}
	if err := out.pictures(r); err != nil {
		return err
	}
	return out.err
}

// overAlpha reports whether alpha is the only parameter of all models.
func overAlpha(r *result.Result) bool {
	for _, m := range r.Models {
		if m.Alpha == nil || len(m.Params) != 1 {
			return false
		}
	}
	return true
}

// The numbers of the fields of tensorflow's Event, Summary, Summary.Value, Summary.Image, SummaryMetadata and
// TensorProto (tensorflow/core/util/event.proto, framework/summary.proto, framework/tensor.proto).
const (
	eventStep, eventVersion, eventSummary = 2, 3, 5
	summaryValue                          = 1
	valueTag, valueSimple, valueImage     = 1, 2, 4
	valueTensor, valueMetadata            = 8, 9
	imageHeight, imageWidth               = 1, 2
	imageColors, imageEncoded             = 3, 4
	metadataPlugin, pluginName            = 1, 1
	tensorType, tensorShape, tensorString = 1, 2, 8
	shapeDim, dimSize                     = 2, 1
	typeString                            = 7 // DT_STRING
	colorsRGB, colorsRGBA                 = 3, 4
)

// eventWriter writes records of events.
type eventWriter struct {
	w   io.Writer
	err error
}

// record writes the framing of TFRecord: the length as 8 bytes, its masked CRC-32C, the event, its masked CRC-32C; all
// little-endian.
func (w *eventWriter) record(event []byte) {
	if w.err != nil {
		return
	}
	length := binary.LittleEndian.AppendUint64(nil, uint64(len(event)))
	framed := binary.LittleEndian.AppendUint32(length, maskedCRC(length))
	framed = append(framed, event...)
	framed = binary.LittleEndian.AppendUint32(framed, maskedCRC(event))
	_, w.err = w.w.Write(framed)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maskedCRC rotates a CRC-32C by 15 bits and adds a constant, so that the CRC of data that contains CRCs stays useful.
func maskedCRC(data []byte) uint32 {
	c := crc32.Checksum(data, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// version writes the event that begins a file.
func (w *eventWriter) version() {
	w.record(appendMessage(nil, eventVersion, []byte("brain.Event:2")))
}

// value writes an event with one value, which has the tag and further fields.
func (w *eventWriter) value(tag string, step int64, fields []byte) {
	value := append(appendMessage(nil, valueTag, []byte(strings.ToValidUTF8(tag, "?"))), fields...)
	var event []byte
	if step != 0 { // proto3 leaves out zeros
		event = appendNumber(event, eventStep, uint64(step))
	}
	w.record(appendMessage(event, eventSummary, appendMessage(nil, summaryValue, value)))
}

func (w *eventWriter) scalar(tag string, step int64, v result.Number) {
	if v.Known() {
		bits := math.Float32bits(float32(v))
		w.value(tag, step, protowire.AppendFixed32(protowire.AppendTag(nil, valueSimple, protowire.Fixed32Type), bits))
	}
}

// scalars writes the figures of a model on the first test set and the first validation set.
func (w *eventWriter) scalars(r *result.Result, m *result.Model, step int64) {
	kind := "mix"
	switch {
	case len(m.Params) == 0:
		kind = "model"
	case m.Repaired || m.Statistics != "":
		kind = strings.TrimSpace(siblingText(m.Repaired, m.Statistics))
	}
	w.scalar("clean accuracy/"+kind, step, m.Clean.OA)
	w.scalar("clean mean class accuracy/"+kind, step, m.Clean.MAcc)
	w.scalar("clean NLL/"+kind, step, m.Clean.NLL)
	w.scalar("clean ECE/"+kind, step, m.Clean.ECE)
	if m.Validation != nil {
		w.scalar("validation accuracy/"+kind, step, m.Validation.OA)
	}
	if m.ValidationRobustness != nil {
		w.scalar("validation mOA/"+kind, step, *m.ValidationRobustness)
	}
	if m.OwnHead != nil && m.OwnHead.Clean != nil {
		w.scalar("own head clean accuracy/"+kind, step, m.OwnHead.Clean.OA)
		w.scalar("own head mOA/"+kind, step, m.OwnHead.Exact.MOA)
	}
	w.scalar("mOA/"+kind, step, m.Exact.MOA)
	w.scalar("mCE/"+kind, step, m.Exact.MCE)
	w.scalar("RmCE/"+kind, step, m.Exact.RMCE)
	for _, name := range r.Order {
		w.scalar("accuracy under "+name+"/"+kind, step, corruptionOA(&m.Tested, name))
	}
}

// table writes the Markdown report, with what the steps are.
func (w *eventWriter) table(r *result.Result) error {
	var b strings.Builder
	if overAlpha(r) {
		b.WriteString("The step is 1000 alpha, rounded: 0 is the pre-trained model, 1000 the fine-tuned one.\n\n")
	} else {
		b.WriteString("The step is the position of the model in this list:\n\n")
		for i, m := range r.Models {
			fmt.Fprintf(&b, "- %d: %s\n", i, markdownText(m.ID))
		}
		b.WriteString("\n")
	}
	if err := writeMarkdown(&b, r); err != nil {
		return err
	}
	w.text("report", b.String())
	return nil
}

// text writes what the dashboard "Text" shows: Markdown.
func (w *eventWriter) text(tag, markdown string) {
	tensor := appendNumber(nil, tensorType, typeString)
	tensor = appendMessage(tensor, tensorShape, appendMessage(nil, shapeDim, appendNumber(nil, dimSize, 1)))
	tensor = appendMessage(tensor, tensorString, []byte(strings.ToValidUTF8(markdown, "?")))
	plugin := appendMessage(nil, pluginName, []byte("text"))
	fields := appendMessage(nil, valueTensor, tensor)
	w.value(tag, 0, appendMessage(fields, valueMetadata, appendMessage(nil, metadataPlugin, plugin)))
}

// pictures writes the plots of which the result has figures.
func (w *eventWriter) pictures(r *result.Result) error {
	for _, name := range PlotNames() {
		f, err := drawNamed(r, name)
		if isEmpty(err) {
			continue
		}
		if err != nil {
			return err
		}
		canvas, err := f.render("png")
		if err != nil {
			return err
		}
		var b bytes.Buffer
		if _, err := canvas.WriteTo(&b); err != nil {
			return err
		}
		config, err := png.DecodeConfig(bytes.NewReader(b.Bytes()))
		if err != nil {
			return err
		}
		w.image(name, config, b.Bytes())
	}
	return nil
}

// image writes a PNG picture.
func (w *eventWriter) image(tag string, of image.Config, png []byte) {
	colors := uint64(colorsRGBA)
	if of.ColorModel == color.RGBAModel { // that package png gives to pictures without transparency
		colors = colorsRGB
	}
	image := appendNumber(nil, imageHeight, uint64(of.Height))
	image = appendNumber(image, imageWidth, uint64(of.Width))
	image = appendMessage(appendNumber(image, imageColors, colors), imageEncoded, png)
	w.value(tag, 0, appendMessage(nil, valueImage, image))
}

func appendNumber(dst []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(dst, field, protowire.VarintType), v)
}

func appendMessage(dst []byte, field protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(dst, field, protowire.BytesType), message)
}
