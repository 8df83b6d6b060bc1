#!/usr/bin/env bash
# Compares the public Go API of the working tree with that of the commit in scripts/api/base, and fails for an
# incompatible change that scripts/api/allowed.txt does not list. Internal packages and commands do not count. It
# also fails for a line of allowed.txt that is not needed, so that the list stays true.
set -euo pipefail
cd "$(dirname "$0")/../.."

module=github.com/wiseft/wiseft
base=$(cat scripts/api/base)
git cat-file -e "$base^{commit}" 2>/dev/null || {
	echo "scripts/api/base: commit $base is not in this clone: git fetch --unshallow" >&2
	exit 1
}

temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
mkdir "$temp/base"
git archive "$base" | tar -x -C "$temp/base"

go -C scripts/api build -o "$temp/apidiff" golang.org/x/exp/cmd/apidiff
diff() { # apidiff lists on stderr the packages that it leaves out: 12 lines a call
	"$temp/apidiff" -m "$@" 2>"$temp/stderr" || { cat "$temp/stderr" >&2; return 1; }
	grep -v '^Ignoring internal package ' "$temp/stderr" >&2 || true
}
(cd "$temp/base" && diff -w "$temp/old" "$module")
diff -w "$temp/new" "$module"
for file in old new; do
	test -s "$temp/$file" || { echo "apidiff wrote no export data" >&2; exit 1; }
done
diff -incompatible "$temp/old" "$temp/new" >"$temp/report"

sed -n 's/^- //p' "$temp/report" | LC_ALL=C sort -u >"$temp/found"
grep -v -e '^#' -e '^$' scripts/api/allowed.txt | LC_ALL=C sort -u >"$temp/allowed" || true
breaking=$(LC_ALL=C comm -23 "$temp/found" "$temp/allowed")
stale=$(LC_ALL=C comm -13 "$temp/found" "$temp/allowed")
if test -n "$breaking"; then
	echo "These changes break programs that use the API of commit ${base:0:12}. Undo them, or list them in"
	echo "scripts/api/allowed.txt and in CHANGELOG.md:"
	echo "$breaking"
fi
if test -n "$stale"; then
	echo "scripts/api/allowed.txt lists lines that are not incompatible changes:"
	echo "$stale"
fi
test -z "$breaking$stale"
