"""Makes the files of other tools that the tests read, and what NumPy, pyarrow, Pillow and onnxruntime make
of them.

Run as: python make.py [arrays] [tables] [pictures] [inputs]   (versions in requirements.txt, and for inputs in
requirements-inputs.txt)
"""

import json
import os
import shutil
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FOLDERS = {"arrays": "datasets/testdata/arrays", "tables": "probe/feature/testdata", "pictures": "datasets/testdata/pictures",
           "inputs": "cmd/wiseft/testdata/inputs"}

for kind in sys.argv[1:] or FOLDERS:
    folder = os.path.join(ROOT, FOLDERS[kind])
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    cases = __import__(kind).cases(folder)
    with open(os.path.join(folder, "cases.json"), "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
    print(f"{folder}: {len(cases)} cases")
