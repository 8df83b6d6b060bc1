#!/usr/bin/env bash
# The work of action.yml: verifies a model, measures it, appends the report to the summary of the job, and fails below a
# threshold. Its inputs are the variables that action.yml sets; it needs wiseft and jq on the path.
set -euo pipefail

summary=${GITHUB_STEP_SUMMARY:-/dev/stdout} outputs=${GITHUB_OUTPUT:-/dev/null}
code=0

# check NAME VALUE LEAST notes whether a figure reaches its threshold. A figure that is not known does not.
check() {
	test -n "$3" || return 0
	if jq -en --arg value "$2" --arg least "$3" '($least | tonumber) as $l | ($value | tonumber? // -1) >= $l' >/dev/null; then
		echo "- $1 ${2:-unknown} reaches $3" >>"$summary"
	else
		echo "- **$1 ${2:-unknown} is below $3**" >>"$summary"
		echo "::error title=wiseft::$1 ${2:-unknown} is below $3"
		code=1
	fi
}

if test "$VERIFY" = true; then
	arguments=("$MODEL")
	test -z "$PRETRAINED" || arguments+=(--pretrained "$PRETRAINED")
	test -z "$FINETUNED" || arguments+=(--finetuned "$FINETUNED")
	wiseft verify "${arguments[@]}" | tee verified.txt || { echo "::error title=wiseft::$MODEL is not verified"; exit 1; }
	{ echo '```'; cat verified.txt; echo '```'; } >>"$summary"
	rm verified.txt
fi
if test -z "$TEST"; then
	test -z "$MIN_ACCURACY$MIN_MOA" || { echo "::error title=wiseft::a threshold needs test data"; exit 2; }
	exit 0
fi
read -ra arguments <<<"$ARGUMENTS" # split at spaces
if test -n "$TRAIN"; then arguments+=(--train "$TRAIN"); else arguments+=(--head own); fi
wiseft bench "$MODEL" --test "$TEST" --suite "$SUITE" -o "$RUN" --quiet "${arguments[@]}"
wiseft report "$RUN" --format markdown >>"$summary"
accuracy=$(jq -r '.models[0].clean.oa // empty' "$RUN/result.json")
moa=$(jq -r '.models[0].exact.moa // empty' "$RUN/result.json")
printf 'accuracy=%s\nmoa=%s\n' "$accuracy" "$moa" >>"$outputs"
{ echo; echo "## Thresholds"; echo; } >>"$summary"
check "accuracy on clean data" "$accuracy" "$MIN_ACCURACY"
check "mean accuracy under corruption" "$moa" "$MIN_MOA"
exit $code
