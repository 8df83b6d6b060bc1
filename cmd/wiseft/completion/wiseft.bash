# Completion of wiseft in bash: source <(wiseft completion bash)
_wiseft() {
	local name text
	COMPREPLY=()
	while IFS=$'\t' read -r name text; do
		COMPREPLY+=("$(printf '%q' "$name")")
	done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
# Where no word is found, files are completed.
complete -o bashdefault -o default -F _wiseft wiseft
