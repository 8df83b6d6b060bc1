#compdef wiseft
# Completion of wiseft in zsh: source <(wiseft completion zsh), behind compinit
_wiseft() {
	local name text
	local -a found
	while IFS=$'\t' read -r name text; do
		found+=("${name//:/\\:}:$text")
	done < <("${words[1]}" __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)
	if (( $#found )); then
		_describe wiseft found
	else
		_files
	fi
}
if [[ $funcstack[1] == _wiseft ]]; then
	_wiseft "$@"
else
	compdef _wiseft wiseft
fi
