"""Writes probe/report/testdata/events.json: events of TensorBoard as its own classes serialise and frame them.

    pip install -r scripts/reports/requirements.txt
    python scripts/reports/events.py
"""

import json
import pathlib
import tempfile

import tensorboard
from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

OUT = pathlib.Path(__file__).parents[2] / "probe/report/testdata/events.json"


def event(step, value):
    return event_pb2.Event(step=step, summary=summary_pb2.Summary(value=[value]))


def main():
    value, image = summary_pb2.Summary.Value, summary_pb2.Summary.Image
    one = tensor_shape_pb2.TensorShapeProto(dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=1)])
    text = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, tensor_shape=one, string_val=["ä | *b*".encode()])
    metadata = summary_pb2.SummaryMetadata(plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name="text"))
    events = {
        "version": event_pb2.Event(file_version="brain.Event:2"),
        "scalar": event(400, value(tag="clean accuracy/mix", simple_value=0.901)),
        "scalar at 0": event(0, value(tag="mCE/mix", simple_value=1.5)),
        "text": event(0, value(tag="report", tensor=text, metadata=metadata)),
        "image": event(0, value(tag="curve", image=image(height=300, width=2, colorspace=4, encoded_image_string=b"\x89PNG\0"))),
    }
    records = {}
    for name, e in events.items():
        with tempfile.TemporaryFile() as f:
            RecordWriter(f).write(e.SerializeToString(deterministic=True))
            f.seek(0)
            records[name] = f.read().hex()
    OUT.write_text(json.dumps({"tensorboard": tensorboard.__version__, "records": records}, indent=1) + "\n")


if __name__ == "__main__":
    main()
