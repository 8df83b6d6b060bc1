#!/usr/bin/env bash
# Installs the wheel for this platform into clean virtual environments and runs the demo there without Go: once with the
# extra cpu, whose onnxruntime must be used without an installation, and once without, where the program installs one.
#
#   scripts/package/check_wheel.sh DIST [EXTRA…]      extras to try; by default cpu and none
set -euo pipefail

dist=$(cd "$1" && pwd)
shift
case "$(uname -s)-$(uname -m)" in
Linux-x86_64) tag=manylinux_2_17_x86_64 ;;
Linux-aarch64) tag=manylinux_2_17_aarch64 ;;
Darwin-x86_64) tag=macosx_12_0_x86_64 ;;
Darwin-arm64) tag=macosx_12_0_arm64 ;;
*) echo "there is no wheel for this platform" >&2; exit 1 ;;
esac
wheels=("$dist"/wiseft-*"$tag"*.whl)
test -f "${wheels[0]}" || { echo "there is no wheel for $tag in $dist" >&2; exit 1; }
test "${#wheels[@]}" = 1 || { echo "there are several wheels for $tag in $dist" >&2; exit 1; }

temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
for extra in "${@:-cpu}" $(test $# -gt 0 || echo none); do
	echo "== extra: $extra"
	venv=$temp/$extra
	python3 -m venv "$venv"
	if test "$extra" = none; then
		"$venv/bin/pip" install --quiet --no-index "${wheels[0]}"
	else
		"$venv/bin/pip" install --quiet "${wheels[0]}[$extra]"
	fi
	"$venv/bin/pip" check
	# No Go, no caches, and the environment is not activated: its folder alone says where it is.
	clean=(env -i HOME="$temp/home-$extra" XDG_CACHE_HOME="$temp/cache-$extra" PATH=/usr/bin:/bin)
	mkdir -p "$temp/home-$extra"
	if "${clean[@]}" sh -c 'command -v go'; then echo "Go is on the path" >&2; exit 1; fi
	"${clean[@]}" "$venv/bin/wiseft" --version
	"${clean[@]}" "$venv/bin/python" -m wiseft --version
	start=$SECONDS
	"${clean[@]}" "$venv/bin/wiseft" demo -o "$temp/demo-$extra" --quiet >"$temp/demo-$extra.txt"
	tail -n +1 "$temp/demo-$extra.txt" | grep -m1 'mOA, the mean accuracy'
	"${clean[@]}" "$venv/bin/wiseft" doctor | tee "$temp/doctor-$extra.txt"
	echo "demo and doctor: $((SECONDS - start)) s"
	if test "$extra" = none; then
		grep -q "onnxruntime.*works.*(cache)" "$temp/doctor-$extra.txt"
	else
		grep -q "onnxruntime.*works.*$venv/.*(the program's environment)" "$temp/doctor-$extra.txt"
		test ! -e "$temp/cache-$extra/wiseft/onnxruntime" || { echo "a library was installed all the same" >&2; exit 1; }
	fi
	code=0
	"$venv/bin/python" -m wiseft nothing 2>"$temp/error" || code=$?
	test "$code" = 2 || { echo "python -m wiseft ends with $code, want 2" >&2; exit 1; }
done
echo "the wheel works: ${wheels[0]##*/}"
