#!/usr/bin/env bash
# Makes the gallery: six finished reports of different kinds, in pages/, from the demo's models and data, the text models of the
# command's tests, and the small image models of images/ (images.py makes these). WISEFT is the program; without it, it is built.
#
#   scripts/gallery/make.sh
#
# Pages are made with --reproducible: equal sources and one processor give equal bytes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
temp=$(mktemp -d)
trap 'rm -r "$temp"' EXIT
if test -z "${WISEFT:-}"; then
	WISEFT=$temp/wiseft
	go -C "$root" build -o "$WISEFT" ./cmd/wiseft
fi
mkdir -p "$here/pages"

# page NAME RUN makes the report of a run.
page() { "$WISEFT" report "$2" --reproducible --force -o "$here/pages/$1.html" >/dev/null; }

cd "$temp"
cp "$root"/cmd/wiseft/testdata/inputs/text_*.* .
cp -r "$here/images" .
"$WISEFT" demo --quiet -o demo >/dev/null

cd "$temp/demo"
"$WISEFT" sweep pretrained.onnx finetuned.onnx --alphas 0:1:0.25 --train train.npz --val val.npz --test test.npz \
	--repair train.npz --landscape repair:0.5 --quiet -o ../points >/dev/null
page points ../points
"$WISEFT" report ../points --format explore --reproducible --force -o "$here/pages/explore.html" >/dev/null
"$WISEFT" bench finetuned.onnx --train train.npz --test test.npz --corruption jitter --corruption rotate --quiet -o ../model >/dev/null
page model ../model
"$WISEFT" experiment experiment.yaml --quiet -o ../experiment >/dev/null
page experiment ../experiment/01-demo-seed-0
cp ../experiment/table.txt "$here/pages/experiment.txt"

cd "$temp"
"$WISEFT" sweep images/pretrained.onnx images/finetuned.onnx --alphas 0:1:0.2 --train images/train.npz --val images/val.npz \
	--test images/test.npz --suite imagenet-c --choose accuracy --quiet -o images-run >/dev/null
page images images-run
"$WISEFT" sweep images/pretrained.onnx images/finetuned.onnx --method ties --grid lambda=0.2:1:0.4 --grid density=0.2:1:0.4 \
	--train images/train.npz --val images/val.npz --test images/test.npz --suite none --quiet -o grid >/dev/null
page grid grid
"$WISEFT" sweep text_pretrained.onnx text_finetuned.onnx --alphas 0:1:0.25 --train text_train.npz --val text_val.npz --test text_test.npz \
	--suite none --pool mean --quiet -o text >/dev/null
page text text
