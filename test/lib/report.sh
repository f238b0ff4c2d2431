# shellcheck shell=bash
# How every test script reports: a line "ok NAME" or "FAIL NAME" for each check, counted in the end.
passed=0
failed=0
failures=()

ok() {
	passed=$((passed + 1))
	printf 'ok    %s\n' "$1"
}

# not_ok NAME [OUTPUT]: the output explains why, indented.
not_ok() {
	failed=$((failed + 1))
	failures+=("$1")
	printf 'FAIL  %s\n' "$1"
	[[ -z ${2:-} ]] || printf '%s\n' "$2" | tail -n 40 | sed 's/^/      | /'
}

# check NAME COMMAND...: passes when the command does; its output is shown only when it does not.
check() {
	local name=$1 output
	shift
	if output=$("$@" 2>&1 </dev/null); then ok "$name"; else not_ok "$name" "$output"; fi
}

# until_true SECONDS COMMAND...: repeats the command until it succeeds; fails at the deadline with its last output.
until_true() {
	local deadline=$((SECONDS + $1)) output
	shift
	until output=$("$@" 2>&1 </dev/null); do
		if ((SECONDS >= deadline)); then
			printf 'not within the deadline: %s\n%s\n' "$*" "$output"
			return 1
		fi
		sleep 0.2
	done
	printf '%s\n' "$output"
}

summary() {
	printf '%d passed, %d failed\n' "$passed" "$failed"
	((failed == 0 && passed > 0))
}
