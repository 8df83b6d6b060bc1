# Completion of wiseft in fish: wiseft completion fish | source
function __wiseft_complete
	set -l current (commandline -ct)
	set -l words (commandline -opc) "$current"
	set -l found (command $words[1] __complete $words[2..-1] 2>/dev/null)
	if test (count $found) -gt 0
		printf '%s\n' $found
	else
		__fish_complete_path "$current"
	end
end
complete -c wiseft -f -a '(__wiseft_complete)'
